// What makes an index a vann index: its metapage, and how a row becomes a point.
#include "vann/method.hpp"

#include "core/vann/score.hpp"
#include "tree/buffer_store.hpp"
#include "vann/key_columns.hpp"
#include "vector/vector.hpp"

extern "C" {
#include "access/genam.h"
}

namespace soup::vann {

constinit const VannMethod vann_method{};

namespace {

/// The operator class's support function 1 says which metric it stands for. The first column has one, key
/// columns have none.
constexpr AttrNumber metric_function = 1;

Metric metric_of(Relation index) {
    return pg::call([=] {
        const int count = IndexRelationGetNumberOfKeyAttributes(index);
        for (int column = 1; column <= count; ++column) {
            const bool is_vector =
                OidIsValid(index_getprocid(index, static_cast<AttrNumber>(column), metric_function));
            if (column == 1 && !is_vector)
                ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("the first column of a vann index has to be a vector"));
            if (column > 1 && is_vector)
                ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("only the first column of a vann index can be a vector"));
        }
        return static_cast<Metric>(
            DatumGetInt32(FunctionCall1(index_getprocinfo(index, 1, metric_function), Datum{0})));
    });
}

} // namespace

tree::Meta VannMethod::new_meta(Relation index) const {
    Parameters parameters;
    parameters.metric = metric_of(index);
    const std::int32_t dimensions = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;
    if (dimensions < 0)
        throw Error("22023", "", "column does not have dimensions", "",
                    "Declare it as vector(n), or index the expression (column::vector(n)).");
    parameters.dimensions = static_cast<unsigned>(dimensions);
    // The same for all: an index that is built again from the same rows is the same index.
    parameters.seed = 1;
    parameters.key_columns = key_columns_of(index);
    tree::Meta meta{};
    vann::store(parameters, meta);
    Layout{parameters}; // Refuses rows that are too wide.
    return meta;
}

bool VannMethod::is_of(Relation index, const tree::Meta& meta) const {
    const Parameters found = load(meta), wanted = load(new_meta(index));
    return found.dimensions == wanted.dimensions && found.metric == wanted.metric &&
           found.key_columns == wanted.key_columns;
}

std::unique_ptr<tree::OpenIndex> VannMethod::open(tree::PageStore& store, const tree::Meta& meta) const {
    const Parameters parameters = load(meta);
    std::vector<float> mean;
    if (parameters.mean != tree::no_block) mean = read_mean(store, parameters.mean, parameters.dimensions);
    auto open = std::make_unique<OpenVann>(parameters, mean);
    open->method = this;
    open->meta = meta;
    open->geometry = std::make_unique<VannGeometry>(parameters);
    return open;
}

bool read_vector(Datum value, bool is_null, unsigned dimensions, std::vector<float>& into) {
    if (is_null) return false;
    const vector::View view = pg::call([=] { return vector::view(value); });
    if (static_cast<unsigned>(view.dimensions) != dimensions)
        throw Error("22000", "",
                    "expected " + std::to_string(dimensions) + " dimensions, not " +
                        std::to_string(view.dimensions));
    into.resize(dimensions);
    std::memcpy(into.data(), view.elements, dimensions * sizeof(float));
    return true;
}

bool VannMethod::make_item(Relation index, const tree::OpenIndex& open, const Datum* values,
                           const bool* is_null, tree::ItemBuffer& into) const {
    const auto& vann = static_cast<const OpenVann&>(open);
    if (!read_vector(values[0], is_null[0], vann.parameters.dimensions, into.scratch)) return false;
    into.point.resize(vann.space.padded());
    if (!vann.space.to_point(into.scratch.data(), into.point.data())) return false;
    write_keys(index, vann.parameters, values + 1, is_null + 1, into.keys);
    return true;
}

} // namespace soup::vann

// soupvec.so: the settings soupvec.* and vann.*, the kinds of storage parameters of vann and vtree, the
// planner's hooks, and the guard that a session holds one version of the library only.
//
// Loaded by the first versioned library of a session, or by shared_preload_libraries; both work alike.
// Everything here is plain C in C++ clothes: no object with a destructor, so ereport may jump freely.
#include "loader/soupvec_loader.hpp"
#include "loader/held_version.hpp"
#include "library_version.hpp"

extern "C" {
#include "access/reloptions.h"
#include "optimizer/planner.h"
}

namespace soup::loader {
namespace {

bool planner_setting = true;
int isa_setting = static_cast<int>(Isa::automatic);
VannSettings vann_settings{
    .recall = 0.95, .probes = 0, .rerank = 0, .max_pages = 0, .order = static_cast<int>(RowOrder::relaxed)};
const VectorLibrary* library = nullptr;
planner_hook_type previous_planner = nullptr;
create_upper_paths_hook_type previous_add_paths = nullptr;

const config_enum_entry order_names[] = {{"relaxed", static_cast<int>(RowOrder::relaxed), false},
                                         {"strict", static_cast<int>(RowOrder::strict), false},
                                         {nullptr, 0, false}};

const config_enum_entry isa_names[] = {
    {"auto", static_cast<int>(Isa::automatic), false}, {"scalar", static_cast<int>(Isa::scalar), false},
    {"ssse3", static_cast<int>(Isa::ssse3), false},    {"avx2", static_cast<int>(Isa::avx2), false},
    {"avx512", static_cast<int>(Isa::avx512), false},  {nullptr, 0, false}};

/// Without the library nobody can tell; register_library asks again.
bool check_isa(int* wanted, void**, GucSource) {
    if (library == nullptr || library->isa_available(static_cast<Isa>(*wanted))) return true;
    GUC_check_errdetail("This machine's processor lacks the instruction set.");
    return false;
}

void assign_isa(int wanted, void*) {
    if (library != nullptr) library->isa_changed(static_cast<Isa>(wanted));
}

void register_library(const VectorLibrary* arriving) {
    require_same_version("soupvec", library != nullptr ? library->version : nullptr, arriving->version);
    Isa wanted = static_cast<Isa>(isa_setting);
    if (!arriving->isa_available(wanted)) {
        ereport(WARNING, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("setting soupvec.isa names an instruction set that this machine's processor lacks"),
                errdetail("The best available set is used."));
        wanted = Isa::automatic;
    }
    library = arriving;
    library->isa_changed(wanted);
}

VectorLoader loader{.bytes = sizeof(VectorLoader),
                    .version = library_version,
                    .register_library = register_library,
                    .vann = &vann_settings,
                    .vann_options = 0,
                    .vtree_options = 0};

PlannedStmt* plan(Query* query, const char* source, int cursor_options, ParamListInfo parameters) {
    PlannedStmt* made = previous_planner != nullptr
                            ? previous_planner(query, source, cursor_options, parameters)
                            : standard_planner(query, source, cursor_options, parameters);
    if (planner_setting && library != nullptr && library->plan_made != nullptr) library->plan_made(made);
    return made;
}

void add_paths(PlannerInfo* root, UpperRelationKind stage, RelOptInfo* input, RelOptInfo* output,
               void* extra) {
    if (previous_add_paths != nullptr) previous_add_paths(root, stage, input, output, extra);
    if (planner_setting && library != nullptr && library->add_paths != nullptr)
        library->add_paths(root, stage, input, output);
}

void define_vann_settings() {
    DefineCustomRealVariable(
        "vann.recall", "Sets the part of the true neighbours that a vann search aims to find.",
        "The index's own measurements say how many pages that takes.", &vann_settings.recall, 0.95, 0.5,
        0.999, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("vann.probes", "Sets how many leaf pages a vann search reads at first.",
                            "0 leaves it to vann.recall.", &vann_settings.probes, 0, 0, 1 << 20, PGC_USERSET,
                            0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("vann.rerank",
                            "Sets how many vectors a vann search ranks anew by their details at first.",
                            "0 leaves it to vann.recall.", &vann_settings.rerank, 0, 0, 1 << 20, PGC_USERSET,
                            0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "vann.max_pages", "Sets how many pages a vann search that needs more rows reads before it gives up.",
        "0 means that it goes on until every row was found.", &vann_settings.max_pages, 0, 0, INT_MAX,
        PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable(
        "vann.order", "Sets how well the rows of a vann search are ordered.",
        "\"relaxed\": within each batch of pages; \"strict\": throughout, at the price of rows "
        "that come too late.",
        &vann_settings.order, static_cast<int>(RowOrder::relaxed), order_names, PGC_USERSET, 0, nullptr,
        nullptr, nullptr);
    MarkGUCPrefixReserved("vann");
}

int define_options(const char* description, int fill_default) {
    const auto kind = static_cast<int>(add_reloption_kind());
    add_int_reloption(static_cast<bits32>(kind), "fillfactor", description, fill_default, 20, 100,
                      ShareUpdateExclusiveLock);
    return kind;
}

} // namespace
} // namespace soup::loader

SOUP_MODULE_INIT() {
    using namespace soup::loader;
    soup::pg::call([] {
        DefineCustomEnumVariable("soupvec.isa", "Sets the instruction set of the distance kernels.",
                                 "\"auto\" takes the best that the processor has.", &isa_setting,
                                 static_cast<int>(Isa::automatic), isa_names, PGC_SUSET, 0, check_isa,
                                 assign_isa, nullptr);
        DefineCustomBoolVariable("soupvec.planner", "Lets the planner use what soupvec adds to it.",
                                 "Counting in an index, keeping the nearest rows while a table is read, "
                                 "leaving out unread distances.",
                                 &planner_setting, true, PGC_USERSET, 0, nullptr, nullptr, nullptr);
        MarkGUCPrefixReserved("soupvec");
        define_vann_settings();
        loader.vann_options = define_options("How full a build makes vann's leaves, in percent.", 70);
        loader.vtree_options = define_options("How full a build makes vtree's pages, in percent.", 90);
        previous_planner = planner_hook;
        planner_hook = plan;
        previous_add_paths = create_upper_paths_hook;
        create_upper_paths_hook = add_paths;
        *find_rendezvous_variable(vector_rendezvous) = &loader;
    });
}

// What SQL calls: soup_api.append and soup_api.append_many.
//
// append binds its token like every soup_api function and raises what it refuses. append_many carries a token
// for each element and binds nothing: each token is verified by itself, and a refusal is a row.
#include "rawlog/arguments.hpp"

#include "access/binding.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/tuplestore.h"
}

#include <unordered_map>

namespace soup::rawlog {

namespace {

/// Positions of append's arguments.
struct AppendArgument {
    enum : int { token, model, records, label, stream, times, content_type, key };
};

Datum address_row(FunctionCallInfo fcinfo, const Outcome& outcome) {
    const bool has_label = !outcome.label.empty();
    Datum values[] = {Int32GetDatum(outcome.partition), Int64GetDatum(outcome.first_offset),
                      Int32GetDatum(outcome.count), has_label ? pg::make_text(outcome.label) : Datum{0}};
    bool nulls[] = {false, false, false, !has_label};
    return pg::call([&] {
        TupleDesc description;
        if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
            elog(ERROR, "append must return a row");
        return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
    });
}

/// Verifies the elements' tokens, each different one once.
void verify_tokens(std::span<Element> elements, Oid function) {
    struct Verified {
        access::Identity identity;
        std::optional<Error> refusal;
    };
    std::unordered_map<std::string_view, Verified> verified;
    for (Element& element : elements) {
        auto [found, is_new] = verified.try_emplace(element.request.token);
        Verified& result = found->second;
        if (is_new) {
            try {
                result.identity = access::verify_token(element.request.token);
                access::require_kind(function, result.identity);
            } catch (Error& refusal) {
                result.refusal.emplace(std::move(refusal));
            }
        }
        element.identity = result.identity;
        element.refusal = result.refusal;
    }
}

std::string refusal_text(const Error& refusal) {
    return refusal.detail().empty() ? refusal.message() : refusal.message() + ": " + refusal.detail();
}

/// All rows at once: a set returned value by value would enter the function's security context anew for each
/// row.
void return_outcomes(FunctionCallInfo fcinfo, std::span<const Outcome> outcomes) {
    pg::call([&] { InitMaterializedSRF(fcinfo, 0); });
    auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    for (const Outcome& outcome : outcomes) {
        Datum values[6] = {};
        bool nulls[6] = {true, true, true, true, true, true};
        auto set = [&](int column, Datum value) {
            values[column] = value;
            nulls[column] = false;
        };
        auto text = [](std::string_view value) { return pg::make_text(value); };
        if (outcome.refusal) {
            set(4, text(outcome.refusal->reason()));
            set(5, text(refusal_text(*outcome.refusal)));
        } else {
            set(0, Int32GetDatum(outcome.partition));
            set(1, Int64GetDatum(outcome.first_offset));
            set(2, Int32GetDatum(outcome.count));
            if (!outcome.label.empty()) set(3, text(outcome.label));
        }
        pg::call([&] { tuplestore_putvalues(result->setResult, result->setDesc, values, nulls); });
    }
}

} // namespace

SOUP_FUNCTION(soup_append) {
    if (PG_ARGISNULL(AppendArgument::token)) throw token_bad();
    const pg::Varlena token(PG_GETARG_DATUM(AppendArgument::token));
    Element element;
    element.identity = access::bind(fcinfo, token.text());
    const TextArgument model(fcinfo, AppendArgument::model), label(fcinfo, AppendArgument::label),
        stream(fcinfo, AppendArgument::stream), content_type(fcinfo, AppendArgument::content_type),
        key(fcinfo, AppendArgument::key);
    const RecordArguments records(fcinfo, AppendArgument::records, AppendArgument::times);
    element.request.model = model.view();
    element.request.label = label.view();
    element.request.stream = stream.view();
    element.request.content_type = content_type.view();
    element.request.idempotency_key = key.view();
    records.fill(element.request);
    const std::vector<Outcome> outcomes = append({&element, 1});
    if (outcomes.front().refusal) throw Error(*outcomes.front().refusal);
    return address_row(fcinfo, outcomes.front());
}

SOUP_FUNCTION(soup_append_many) {
    const ManyArguments arguments(fcinfo);
    std::vector<Element> elements = arguments.elements();
    verify_tokens(elements, fcinfo->flinfo->fn_oid);
    return_outcomes(fcinfo, append(elements));
    return Datum{0};
}

} // namespace soup::rawlog

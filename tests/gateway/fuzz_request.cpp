// Fuzzes the way from bytes on a socket to what is asked of PostgreSQL: parser, router, arguments, append
// bodies.
//
// The input is fed in two pieces, cut where its first byte says, as a network may cut it. Allowed outcomes: a
// plan, a refusal (Problem or soup::Error), or that more bytes are needed. Anything else is a crash.
#include "core/error.hpp"
#include "tests/gateway/sample_catalogue.hpp"
#include "thin_gateway/errors.hpp"
#include "thin_gateway/plan.hpp"
#include "thin_gateway/request_parser.hpp"
#include "thin_gateway/url.hpp"

#include <cstdlib>

using namespace soup::gateway;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static const Catalogue catalogue = sample_catalogue();
    static const RequestLimits limits = [] {
        RequestLimits small;
        small.json_bytes_max = small.ndjson_bytes_max = small.binary_bytes_max = 1 << 20;
        small.call_bytes_max = 1 << 10;
        return small;
    }();
    if (size < 2) return 0;
    std::string buffer;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t cut = input.size() * data[0] / 256;
    Request request;
    std::string out;
    try {
        RequestParser parser(request, limits);
        for (const std::string_view piece : {input.substr(0, cut), input.substr(cut)}) {
            buffer += piece;
            if (!buffer.empty() && !parser.is_done()) buffer.erase(0, parser.feed(buffer));
        }
        const bool is_append = path_of(request.target) == append_path;
        if (request.body.size() > (is_append ? limits.json_bytes_max : limits.call_bytes_max)) std::abort();
        if (!parser.is_done()) return 0;
        const Plan plan = plan_request(request, {&catalogue, false, limits});
        if (const auto* call = std::get_if<FunctionCall>(&plan)) {
            // What is not served publicly must never be planned.
            if (call->function->exposure != Exposure::public_ || call->function->name == "append")
                std::abort();
        }
        if (const auto* element = std::get_if<AppendElement>(&plan))
            if (element->record_count < 1 || element->model.empty()) std::abort();
    } catch (const Problem& problem) {
        write_problem(out, problem, "fuzz");
    } catch (const soup::Error& refusal) {
        write_problem(out, problem_from(refusal), "fuzz");
    }
    return 0;
}

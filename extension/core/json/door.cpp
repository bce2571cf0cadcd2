// One pass of simdjson's on-demand parser does everything: stage 1 checks UTF-8 and finds the tokens, the
// walk parses each token (which validates it), refuses what the header lists, and writes the compact text.
#include "core/json/door.hpp"

#include "core/error.hpp"
#include "core/json/byte_order_mark.hpp"
#include "core/json/writer.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace soup::json {
namespace {

namespace od = simdjson::ondemand;
using simdjson::error_code;

// jsonb writes a number out in full: 1e99999 is 7 bytes here and 100,000 there, and so is 0e-99999.
constexpr int exponent_max = 400;
// A parser keeps about six times the longest text it has read; beyond this both are given back after use.
constexpr std::size_t text_kept_bytes = std::size_t{4} << 20;

/// The thread's parser and the copy of its input, which simdjson wants to be readable beyond the end.
struct Workshop {
    od::parser parser;
    std::unique_ptr<char[]> padded;
    std::size_t padded_bytes = 0;

    static Workshop& of_thread() {
        thread_local Workshop workshop;
        return workshop;
    }
    std::string_view pad(std::string_view text) {
        if (padded_bytes < text.size() + simdjson::SIMDJSON_PADDING) {
            padded.reset();
            padded_bytes = 0;
            const std::size_t bytes = text.size() + text.size() / 4 + simdjson::SIMDJSON_PADDING;
            padded = std::make_unique_for_overwrite<char[]>(bytes);
            padded_bytes = bytes;
        }
        if (!text.empty()) std::memcpy(padded.get(), text.data(), text.size());
        std::memset(padded.get() + text.size(), ' ', simdjson::SIMDJSON_PADDING);
        return {padded.get(), text.size()};
    }
    void forget_large() {
        if (padded_bytes <= text_kept_bytes) return;
        padded.reset();
        padded_bytes = 0;
        parser = od::parser();
    }
};

/// Gives large memory back on every way out.
struct ForgetLarge {
    Workshop& workshop;
    ~ForgetLarge() { workshop.forget_large(); }
};

const char* reason_of(error_code error) {
    switch (error) {
    case simdjson::UTF8_ERROR:
        return "invalid UTF-8";
    case simdjson::NUMBER_ERROR:
        return "number is malformed or out of range";
    case simdjson::STRING_ERROR:
        return "string is malformed";
    case simdjson::UNCLOSED_STRING:
        return "string is not closed";
    case simdjson::UNESCAPED_CHARS:
        return "control character inside a string";
    case simdjson::EMPTY:
        return "nothing there";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
        return "array or object does not end where the text ends";
    default:
        return "not valid JSON";
    }
}

/// Thrown inside a walk; the caller knows which line or element it was in and makes the Error.
struct Refusal {
    const char* reason;
};

void check(error_code error) {
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    if (error != simdjson::SUCCESS) throw Refusal{reason_of(error)};
}

/// NUL cannot be stored as text; an encoded surrogate can only come from a lone \ud800–\udfff, because bytes
/// that spell one are not UTF-8.
void check_characters(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) throw Refusal{"\\u0000 is not allowed"};
    for (std::size_t at = text.find('\xed'); at != std::string_view::npos; at = text.find('\xed', at + 1))
        if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xa0)
            throw Refusal{"lone surrogate in a string"};
}

std::string_view trim(std::string_view token) {
    const std::size_t end = token.find_last_not_of(" \t\r\n");
    return token.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

void check_exponent(std::string_view number) {
    const std::size_t e = number.find_first_of("eE");
    if (e == std::string_view::npos) return;
    int exponent = 0;
    for (const char c : number.substr(e + 1)) {
        if (c == '+' || c == '-') continue;
        exponent = exponent * 10 + (c - '0');
        if (exponent > exponent_max) throw Refusal{"exponent of a number is out of range"};
    }
}

class Walk {
public:
    Walk(std::string& out, const Limits& limits) : out_(out), limits_(limits) {}

    /// Checks a value or a document and appends its compact text. `depth` counts the arrays and objects
    /// around it.
    template<class Value>
    Kind value(Value& json, std::size_t depth) {
        od::json_type type{};
        check(json.type().get(type));
        switch (type) {
        case od::json_type::array:
            return array(json, depth + 1);
        case od::json_type::object:
            return object(json, depth + 1);
        default:
            return scalar(json, type);
        }
    }

    /// The unescaped text of the string that was walked last.
    std::string_view last_text() const noexcept { return last_text_; }

    std::size_t enter(std::size_t depth) const {
        if (depth > limits_.depth_max) throw Refusal{"nested too deeply"};
        return depth;
    }

    /// Walks an object's members: each(key, value).
    template<class Value, class Each>
    void members(Value& json, Each each) {
        od::object object;
        check(json.get_object().get(object));
        const std::size_t first_key = keys_.size();
        for (auto item : object) {
            od::field field;
            check(std::move(item).get(field));
            std::string_view key;
            check(field.unescaped_key().get(key));
            check_characters(key);
            keys_.push_back(key);
            if (keys_.size() - first_key > limits_.keys_max) throw Refusal{"too many keys in one object"};
            od::value member = field.value();
            each(key, member);
        }
        check_twins(first_key);
        keys_.resize(first_key);
    }

    template<class Value, class Each>
    void elements(Value& json, Each each) {
        od::array array;
        check(json.get_array().get(array));
        for (auto item : array) {
            od::value element;
            check(std::move(item).get(element));
            each(element);
        }
    }

private:
    template<class Value>
    Kind array(Value& json, std::size_t depth) {
        enter(depth);
        out_ += '[';
        bool is_first = true;
        elements(json, [&](od::value& element) {
            if (!is_first) out_ += ',';
            is_first = false;
            value(element, depth);
        });
        out_ += ']';
        return Kind::array;
    }

    template<class Value>
    Kind object(Value& json, std::size_t depth) {
        enter(depth);
        out_ += '{';
        bool is_first = true;
        members(json, [&](std::string_view key, od::value& member) {
            if (!is_first) out_ += ',';
            is_first = false;
            append_string(out_, key);
            out_ += ':';
            value(member, depth);
        });
        out_ += '}';
        return Kind::object;
    }

    template<class Value>
    Kind scalar(Value& json, od::json_type type) {
        std::string_view token;
        check(simdjson::simdjson_result<std::string_view>(json.raw_json_token()).get(token));
        token = trim(token);
        switch (type) {
        case od::json_type::string:
            check(json.get_string().get(last_text_));
            check_characters(last_text_);
            out_ += token;
            return Kind::string;
        case od::json_type::number: {
            od::number number;
            check(json.get_number().get(number));
            check_exponent(token);
            out_ += token;
            return Kind::number;
        }
        case od::json_type::boolean: {
            bool is_true = false;
            check(json.get_bool().get(is_true));
            out_ += is_true ? "true" : "false";
            return Kind::boolean;
        }
        default:
            if (token != "null") throw Refusal{"not valid JSON"};
            bool is_null = false;
            check(simdjson::simdjson_result<bool>(json.is_null()).get(is_null));
            if (!is_null) throw Refusal{"not valid JSON"};
            out_ += "null";
            return Kind::null;
        }
    }

    void check_twins(std::size_t first_key) {
        const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first_key);
        std::sort(begin, keys_.end());
        if (std::adjacent_find(begin, keys_.end()) != keys_.end()) throw Refusal{"duplicate key"};
    }

    std::string& out_;
    const Limits& limits_;
    std::string_view last_text_;
    std::vector<std::string_view> keys_; ///< Of all objects that are open, the innermost one's last.
};

/// Opens the document in `padded` (a view into the thread's padded copy), runs `walk` on it and checks the
/// end.
template<class Run>
void with_document(Workshop& workshop, std::string_view padded, Run run) {
    if (has_byte_order_mark(padded)) throw Refusal{"starts with a byte order mark"};
    od::document document;
    const std::size_t room =
        static_cast<std::size_t>(workshop.padded.get() + workshop.padded_bytes - padded.data());
    check(workshop.parser.iterate(padded.data(), padded.size(), room).get(document));
    run(document);
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
        throw Refusal{"something follows the value"};
}

void check_size(std::string_view json, const Limits& limits) {
    if (json.size() > limits.bytes_max)
        throw too_big("JSON text of " + std::to_string(json.size()) + " bytes exceeds the limit of " +
                      std::to_string(limits.bytes_max));
}

Error refused(const std::string& where, const Refusal& refusal) {
    return bad_input(where + ": " + refusal.reason);
}

void add_record(Records& records, const Limits& limits) {
    if (records.ends.size() == limits.records_max)
        throw too_big("a batch exceeds the limit of " + std::to_string(limits.records_max) + " records");
    records.ends.push_back(records.text.size());
}

/// Walks the array `json` into records; names the element that was refused.
template<class Value>
void walk_records(Value& json, const std::string& name, std::size_t depth, const Limits& limits,
                  Records& records) {
    od::json_type type{};
    check(json.type().get(type));
    if (type != od::json_type::array) throw bad_input(name + ": must be an array");
    Walk walk(records.text, limits);
    walk.enter(depth);
    bool is_inside = false;
    try {
        walk.elements(json, [&](od::value& element) {
            is_inside = true;
            walk.value(element, depth);
            add_record(records, limits);
            is_inside = false;
        });
    } catch (const Refusal& refusal) {
        throw is_inside ? refused(name + "[" + std::to_string(records.size()) + "]", refusal)
                        : refused(name, refusal);
    }
}

} // namespace

std::string compact(std::string_view json, const Limits& limits) {
    check_size(json, limits);
    Workshop& workshop = Workshop::of_thread();
    const ForgetLarge forget{workshop};
    std::string out;
    out.reserve(json.size());
    try {
        with_document(workshop, workshop.pad(json),
                      [&](od::document& document) { Walk(out, limits).value(document, 0); });
    } catch (const Refusal& refusal) {
        throw refused("JSON text", refusal);
    }
    return out;
}

Records records_from_ndjson(std::string_view body, const Limits& limits) {
    check_size(body, limits);
    if (body.empty()) throw bad_input("there is no record");
    Workshop& workshop = Workshop::of_thread();
    const ForgetLarge forget{workshop};
    const std::string_view padded = workshop.pad(body);
    Records records;
    records.text.reserve(body.size());
    Walk walk(records.text, limits);
    std::size_t at = 0;
    while (at < padded.size()) {
        try {
            const std::size_t end = padded.find('\n', at);
            if (end == std::string_view::npos) throw Refusal{"does not end with a line feed"};
            const std::string_view line = padded.substr(at, end - at);
            if (line.find_first_not_of(" \t\r") == std::string_view::npos) throw Refusal{"is empty"};
            with_document(workshop, line, [&](od::document& document) { walk.value(document, 0); });
            add_record(records, limits);
            at = end + 1;
        } catch (const Refusal& refusal) {
            throw refused("line " + std::to_string(records.size() + 1), refusal);
        }
    }
    return records;
}

Records records_from_array(std::string_view json, const Limits& limits) {
    check_size(json, limits);
    Workshop& workshop = Workshop::of_thread();
    const ForgetLarge forget{workshop};
    Records records;
    records.text.reserve(json.size());
    try {
        with_document(workshop, workshop.pad(json),
                      [&](od::document& document) { walk_records(document, "records", 1, limits, records); });
    } catch (const Refusal& refusal) {
        throw refused("records", refusal);
    }
    return records;
}

Object parse_object(std::string_view json, std::string_view split, const Limits& limits) {
    check_size(json, limits);
    Workshop& workshop = Workshop::of_thread();
    const ForgetLarge forget{workshop};
    Object object;
    const auto take_member = [&](std::string_view key, od::value& value) {
        if (!split.empty() && key == split) {
            object.has_records = true;
            walk_records(value, std::string(split), 2, limits, object.records);
            return;
        }
        Member member;
        member.key = key;
        Walk walk(member.json, limits);
        member.kind = walk.value(value, 1);
        if (member.kind == Kind::string) member.text = walk.last_text();
        object.members.push_back(std::move(member));
    };
    try {
        with_document(workshop, workshop.pad(json), [&](od::document& document) {
            od::json_type type{};
            check(document.type().get(type));
            if (type != od::json_type::object) throw Refusal{"must be an object"};
            std::string unused;
            Walk(unused, limits).members(document, take_member);
        });
    } catch (const Refusal& refusal) {
        throw refused("JSON text", refusal);
    }
    return object;
}

const Member* Object::find(std::string_view key) const noexcept {
    for (const Member& member : members)
        if (member.key == key) return &member;
    return nullptr;
}

} // namespace soup::json

// See json_out.hpp.
#include "thin_gateway/json_out.hpp"

#include "core/json/writer.hpp"
#include "thin_gateway/wire.hpp"

#include <array>
#include <limits>
#include <span>

namespace soup::gateway {
namespace {

void write_time(std::string& out, std::int64_t pg_us) {
    if (pg_us == std::numeric_limits<std::int64_t>::max()) {
        out += "\"infinity\"";
    } else if (pg_us == std::numeric_limits<std::int64_t>::min()) {
        out += "\"-infinity\"";
    } else if (pg_us > std::numeric_limits<std::int64_t>::max() - wire::epoch_2000_us) {
        throw wire::Malformed();
    } else {
        json::append_time_string(out, pg_us + wire::epoch_2000_us);
    }
}

void write_uuid(std::string& out, std::string_view bytes) {
    if (bytes.size() != 16) throw wire::Malformed();
    constexpr std::string_view hex = "0123456789abcdef";
    std::array<char, 38> text;
    char* to = text.data();
    *to++ = '"';
    for (std::size_t i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
        const auto byte = static_cast<unsigned char>(bytes[i]);
        *to++ = hex[byte >> 4];
        *to++ = hex[byte & 15];
    }
    *to = '"';
    out.append(text.data(), text.size());
}

template<class Integer>
void write_integer(std::string& out, wire::Reader& in) {
    json::append_number(out, static_cast<std::int64_t>(in.integer<Integer>()));
}

void write_scalar(std::string& out, Scalar scalar, std::string_view bytes) {
    wire::Reader in(bytes);
    switch (scalar) {
    case Scalar::boolean:
        json::append_boolean(out, in.take(1)[0] != 0);
        break;
    case Scalar::int2:
        write_integer<std::int16_t>(out, in);
        break;
    case Scalar::int4:
        write_integer<std::int32_t>(out, in);
        break;
    case Scalar::int8:
        write_integer<std::int64_t>(out, in);
        break;
    case Scalar::float4:
        json::append_number(out, in.float4());
        break;
    case Scalar::float8:
        json::append_number(out, in.float8());
        break;
    case Scalar::timestamptz:
        write_time(out, in.integer<std::int64_t>());
        break;
    case Scalar::uuid:
        write_uuid(out, in.rest());
        break;
    case Scalar::text:
        json::append_string(out, in.rest());
        break;
    case Scalar::json:
        out += in.rest();
        break;
    case Scalar::jsonb:
        if (in.take(1)[0] != 1) throw wire::Malformed();
        out += in.rest();
        break;
    case Scalar::bytea:
        json::append_base64(out, std::as_bytes(std::span(in.rest())));
        break;
    }
    if (!in.is_empty()) throw wire::Malformed();
}

void write_array(std::string& out, Scalar scalar, std::string_view bytes) {
    wire::Reader in(bytes);
    const auto dimensions = in.integer<std::int32_t>();
    in.integer<std::int32_t>(); // has nulls: the elements say so themselves
    if (static_cast<std::uint32_t>(in.integer<std::int32_t>()) != oid_of(scalar)) throw wire::Malformed();
    if (dimensions != 0 && dimensions != 1) throw wire::Malformed();
    std::int32_t count = 0;
    if (dimensions == 1) {
        count = in.integer<std::int32_t>();
        in.integer<std::int32_t>(); // lower bound
    }
    out += '[';
    for (std::int32_t i = 0; i < count; ++i) {
        if (i) out += ',';
        const auto length = in.integer<std::int32_t>();
        if (length < 0)
            out += "null";
        else
            write_scalar(out, scalar, in.take(static_cast<std::size_t>(length)));
    }
    out += ']';
    if (!in.is_empty()) throw wire::Malformed();
}

} // namespace

void write_value(std::string& out, Type type, std::string_view bytes) {
    if (type.is_array)
        write_array(out, type.scalar, bytes);
    else
        write_scalar(out, type.scalar, bytes);
}

void RowWriter::write(std::string& out, std::string_view value, std::uint32_t type_oid) {
    const bool is_scalar = function_.columns.size() == 1 && !function_.columns[0].type.is_array
                               ? type_oid == oid_of(function_.columns[0].type.scalar)
                               : function_.columns.size() == 1 && type_oid != oid::record;
    if (!is_scalar) return write_columns(out, value);
    out += '{';
    out += function_.columns[0].json_key;
    write_value(out, function_.columns[0].type, value);
    out += '}';
}

void RowWriter::write_columns(std::string& out, std::string_view composite) {
    wire::Reader in(composite);
    const auto& columns = function_.columns;
    if (static_cast<std::size_t>(in.integer<std::int32_t>()) != columns.size()) throw wire::Malformed();
    out += '{';
    for (std::size_t i = 0; i < columns.size(); ++i) {
        in.integer<std::int32_t>(); // the column's type, known from the catalogue
        const auto length = in.integer<std::int32_t>();
        const auto bytes = length < 0 ? std::string_view() : in.take(static_cast<std::size_t>(length));
        if (function_.is_paged && i + 1 == columns.size()) {
            if (length >= 0) next_page_ = std::string(bytes);
            break;
        }
        if (i) out += ',';
        out += columns[i].json_key;
        if (length < 0)
            out += "null";
        else
            write_value(out, columns[i].type, bytes);
    }
    out += '}';
}

} // namespace soup::gateway

// The manifest of a version: which code turns which records into which points.
//
// parse_manifest checks everything that can be known without data; its errors name the field by JSON pointer,
// for example
// "/output/vector: must be an integer from 1 to 16000". manifest.schema.json beside this file says the same
// for authors and editors; a unit test keeps the two from drifting apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soup::manifest {

enum class Runtime : std::uint8_t { builtin, python, native };
enum class Metric : std::uint8_t { l2, ip, cosine, l1 };
enum class AttributeType : std::uint8_t {
    real,
    double_precision,
    integer,
    bigint,
    boolean,
    text,
    timestamptz
};
enum class PositionKind : std::uint8_t { none, xyz, latlon };

std::string_view metric_name(Metric metric) noexcept;    ///< "l2", "ip", "cosine", "l1"
std::string_view type_name(AttributeType type) noexcept; ///< as in the manifest: "real", "double", …
std::string_view sql_type(AttributeType type) noexcept;  ///< "real", "double precision", …

struct Attribute {
    std::string name;
    AttributeType type;
};

struct Input {
    std::string content_type = "application/json";
    std::vector<std::string> channels;
    std::string time_field; ///< "" = the record carries no time of its own
    std::string key_field;  ///< "" = <partition>/<offset>
};

/// Those of the built-in processors; each entry accepts its own and refuses the others.
struct Parameters {
    int window = 96;
    int stride = 16;
    int features = 840;
    int first_windows = 500; ///< fit.first_windows: windows, or images, to fit on
    int width = 0;           ///< of an image, pixels
    int height = 0;
};

struct Position {
    PositionKind kind = PositionKind::none;
    std::vector<std::string> fields; ///< latlon: latitude, longitude
};

struct Output {
    int vector = 0; ///< dimensions, 0 = none
    Metric metric = Metric::l2;
    Position position;
    std::vector<Attribute> attributes; ///< in the order written
};

struct Index {
    bool vann = false;  ///< over the vector
    bool vtree = false; ///< over the position
};

struct Manifest {
    Runtime runtime = Runtime::builtin;
    std::string entry;
    Input input;
    Parameters parameters;
    std::string parameters_json = "{}"; ///< compact, as written (uploaded code reads it itself)
    Output output;
    Index index;
    std::string environment; ///< name:tag or ""
};

inline constexpr int vector_dimensions_max = 16000;
inline constexpr std::size_t attributes_max = 100;
inline constexpr std::size_t channels_max = 1024;
inline constexpr std::size_t manifest_bytes_max = std::size_t{256} << 10;

/// Throws BAD_INPUT for every unknown, missing or wrong field, TOO_BIG for a manifest above 256 KiB.
Manifest parse_manifest(std::string_view json);

} // namespace soup::manifest

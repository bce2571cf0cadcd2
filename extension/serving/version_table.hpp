// What serving has to know of a version: its table, its manifest, the SQL of its columns.
#pragma once

#include "access/resolve.hpp"
#include "boundary/spi.hpp"
#include "core/manifest/manifest.hpp"
#include "serving/statement.hpp"

namespace soup::serving {

/// Column names and operators of a version's table, as text of a statement.
class VersionTable {
public:
    VersionTable(const access::VersionRef& version, const manifest::Manifest& manifest,
                 std::string vector_schema)
        : version_(version), manifest_(manifest), vector_schema_(std::move(vector_schema)) {}

    const access::VersionRef& version() const noexcept { return version_; }
    const manifest::Manifest& manifest() const noexcept { return manifest_; }
    const manifest::Output& output() const noexcept { return manifest_.output; }

    std::string name() const; ///< soup_data.v_…
    /// The attributes as jsonb under their declared names, which are parameters, never text of the statement.
    std::string attributes(Statement& statement) const;
    std::string position() const;        ///< The position column as double precision[].
    std::string metric_operator() const; ///< The distance of output.metric.
    std::string l2_operator() const;
    std::string inside_operator() const; ///< vector in box, vector in ball.
    std::string vector_type() const;
    /// A name in the schema that the vector type is in.
    std::string vector_name(const char* name) const { return vector_schema_ + "." + name; }

private:
    std::string qualified_operator(const char* symbol) const;

    access::VersionRef version_;
    const manifest::Manifest&
        manifest_; ///< In the session's cache, which never drops an entry in a transaction.
    std::string vector_schema_;
};

/// Reads the version's row; needs an open SPI connection. A manifest never changes, so each is parsed once a
/// session.
VersionTable open_version_table(pg::Spi& spi, const access::VersionRef& version);

} // namespace soup::serving

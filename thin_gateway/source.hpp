// Where a connection comes from: for the log, and for the limits and shares of those nobody knows yet.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <string>

namespace soup::gateway {

struct Source {
    std::string address; ///< as it is
    std::string network; ///< what limits count by
};

/// Whoever has one IPv6 address has a network of 2^64 of them (RFC 6177), and would be as many sources.
inline Source source_of(const boost::asio::ip::address& address) {
    namespace ip = boost::asio::ip;
    if (address.is_v4()) return {address.to_string(), address.to_string()};
    const ip::address_v6 v6 = address.to_v6();
    if (v6.is_v4_mapped()) return {address.to_string(), ip::make_address_v4(ip::v4_mapped, v6).to_string()};
    return {address.to_string(), ip::network_v6(v6, 64).canonical().to_string()};
}

} // namespace soup::gateway

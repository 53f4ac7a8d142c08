#pragma once

// A proxy whose listener has filters of its own, or a second filter chain.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {

using Lines = std::vector<std::string>;

inline constexpr char kGet[] = "GET /direct HTTP/1.1\r\nhost: h\r\n\r\n";
inline const std::string kEchoDefault =  // a second chain, told apart by what it answers
    "default_filter_chain: {name: rest, filters: [{name: echo, typed_config: {\"@type\": "
    "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}]}\n";

inline std::string ListenerFilter(const std::string& name, const std::string& fields = "", const std::string& more = "") {
  const std::string message = name == "tls_inspector"    ? "TlsInspector"
                              : name == "http_inspector" ? "HttpInspector"
                              : name == "original_dst"   ? "OriginalDst"
                                                         : "ProxyProtocol";
  return "- name: " + name +
         "\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.listener." + name + ".v3." +
         message + fields + "}\n" + more;
}

inline std::string Filters(const std::string& filters) {
  return "listener_filters:\n" + filters;
}

// What a client gets that sends `bytes`.
inline std::string Answer(ProxyWorld& world, std::string_view bytes) {
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send(bytes);
  world.Run();
  std::string answer = client->Take();
  client->Close();
  world.Run();
  return answer;
}

}  // namespace pillion::test

// Listeners: their filters and chains, and what is wrong with those.

#include <gtest/gtest.h>

#include <cstring>

#include "source/config/tunneling.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

const char* const kEcho =
    "{name: echo, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}";

std::string Any(const std::string& type, const std::string& fields = "") {
  return "typed_config: {\"@type\": type.googleapis.com/envoy.extensions." + type + fields + "}";
}

Loaded LoadListener(const std::string& lines) {
  std::string text =
      "static_resources:\n  listeners:\n  - name: in\n    address: {socket_address: {address: 10.0.0.1, "
      "port_value: 80}}\n";
  return LoadText(text + lines);
}

std::vector<std::string> Errors(const std::string& lines) {
  return TextsAt(kFirstListener, LoadListener(lines).errors);
}

std::string Chains(const std::vector<std::string>& matches) {
  std::string text = "    filter_chains:\n";
  for (const std::string& match : matches) {
    text += "    - filters: [" + std::string(kEcho) + "]\n      filter_chain_match: {" + match + "}\n";
  }
  return text;
}

using Lines = std::vector<std::string>;

TEST(Listener, Keepalive) {
  const std::string chain = "    filter_chains: [{filters: [" + std::string(kEcho) + "]}]\n";
  const auto options = [&](const std::string& keepalive) {
    std::string texts;
    const Loaded loaded = LoadListener("    tcp_keepalive: " + keepalive + "\n" + chain);
    for (const SocketOption& option : loaded.bootstrap->listeners[0]->socket_options) {
      int value = 0;
      std::memcpy(&value, option.value.data(), sizeof value);
      EXPECT_EQ(option.state, SocketOption::State::kPrebind);
      texts += std::to_string(option.level) + "/" + std::to_string(option.name) + "=" + std::to_string(value) + " ";
    }
    return texts;
  };
  EXPECT_EQ(options("{}"), "1/9=1 ");  // SO_KEEPALIVE
  EXPECT_EQ(options("{keepalive_probes: 3, keepalive_time: 40, keepalive_interval: 5}"), "1/9=1 6/6=3 6/4=40 6/5=5 ");
  EXPECT_EQ(Errors("    additional_addresses: [{address: {pipe: {path: /run/a}}}]\n    tcp_keepalive: {}\n" + chain),
            Lines{"tcp_keepalive: expected none of a pipe, as /run/a is"});
}

TEST(Listener, Connections) {
  const std::string chain = "    filter_chains: [{filters: [" + std::string(kEcho) + "]}]\n";
  const Loaded loaded = LoadListener(
      "    connection_balance_config: {exact_balance: {}}\n    drain_type: MODIFY_ONLY\n"
      "    ignore_global_conn_limit: true\n    bypass_overload_manager: true\n    socket_options:\n"
      "    - {level: 1, name: 9, int_value: 1, state: STATE_PREBIND}\n"
      "    - {level: 6, name: 4, buf_value: AAECAw==, state: STATE_LISTENING}\n" + chain);
  ASSERT_NE(loaded.bootstrap, nullptr);
  const Listener& listener = *loaded.bootstrap->listeners[0];
  EXPECT_TRUE(listener.exact_balance);
  EXPECT_FALSE(listener.drains_when_unhealthy);
  EXPECT_EQ(listener.global_connection_limit, nullptr);
  EXPECT_TRUE(listener.bypasses_overload);
  EXPECT_EQ(listener.connection_limit->name(), "envoy.resource_limits.listener.in.connection_limit");
  ASSERT_EQ(listener.socket_options.size(), 2u);
  EXPECT_EQ(listener.socket_options[0].value.size(), sizeof(int));
  EXPECT_EQ(listener.socket_options[1].value, std::string("\0\1\2\3", 4));
  EXPECT_EQ(listener.socket_options[1].state, SocketOption::State::kListening);
  const Loaded plain = LoadListener(chain);
  EXPECT_FALSE(plain.bootstrap->listeners[0]->exact_balance);
  EXPECT_TRUE(plain.bootstrap->listeners[0]->drains_when_unhealthy);
  EXPECT_EQ(plain.bootstrap->listeners[0]->global_connection_limit->name(), "overload.global_downstream_max_connections");
  EXPECT_EQ(Errors("    connection_balance_config: {}\n    socket_options: [{level: 1, name: 9}]\n" + chain),
            (Lines{"connection_balance_config.exact_balance: missing, but required",
                   "socket_options[0]: one of int_value, buf_value is required"}));
}

TEST(Listener, TcpSubsets) {
  const auto stage = [](const std::string& fields) {
    return "metadata_match: {filter_metadata: {envoy.lb: {" + fields + "}}}";
  };
  const Loaded loaded = LoadListener(
      "    filter_chains: [{filters: [{name: tcp, " +
      Any("filters.network.tcp_proxy.v3.TcpProxy", ", stat_prefix: t, " + stage("a: x, b: y") +
                                                       ", weighted_clusters: {clusters: [{name: c, weight: 1, " +
                                                       stage("b: z") + "}, {name: c, weight: 2}]}") +
      "}]}]\n  clusters: [{name: c, load_assignment: {cluster_name: c}}]\n");
  ASSERT_NE(loaded.bootstrap, nullptr) << loaded.errors[0].message;
  const auto& tcp = std::get<TcpProxy>(loaded.bootstrap->listeners[0]->filter_chains[0].terminal);
  EXPECT_EQ(tcp.clusters[0].lb_criteria.parts()[0].text, tcp.lb_criteria.parts()[0].text);
  EXPECT_NE(tcp.clusters[0].lb_criteria.parts()[1].text, tcp.lb_criteria.parts()[1].text);
  EXPECT_EQ(tcp.clusters[1].lb_criteria.text(), tcp.lb_criteria.text());
}

TEST(Listener, HashOfAConnection) {
  const auto chain = [](const std::string& policies) {
    return "    filter_chains: [{filters: [{name: tcp, " +
           Any("filters.network.tcp_proxy.v3.TcpProxy", ", stat_prefix: t, cluster: c, hash_policy: [" + policies + "]") +
           "}]}]\n  clusters: [{name: c, load_assignment: {cluster_name: c}}]\n";
  };
  const auto tcp = [&](const std::string& policies) {
    return std::get<TcpProxy>(LoadListener(chain(policies)).bootstrap->listeners[0]->filter_chains[0].terminal);
  };
  EXPECT_TRUE(tcp("{source_ip: {}}").hashes_source_ip);
  EXPECT_EQ(tcp("{source_ip: {}}").hashes_object, "");
  EXPECT_EQ(tcp("{filter_state: {key: user}}").hashes_object, "user");
  EXPECT_FALSE(tcp("{filter_state: {key: user}}").hashes_source_ip);
  const std::string place = "filter_chains[0].filters[0].typed_config.hash_policy";
  EXPECT_EQ(Errors(chain("{source_ip: {}}, {source_ip: {}}")), Lines{place + "[1]: a second one, expected at most one"});
  EXPECT_EQ(Errors(chain("{filter_state: {}}")), Lines{place + "[0].filter_state.key: missing, but required"});
}

TEST(Listener, TcpTunnels) {
  const auto chain = [](const std::string& tunnel) {
    return "    filter_chains: [{filters: [{name: tcp, " +
           Any("filters.network.tcp_proxy.v3.TcpProxy", ", stat_prefix: t, cluster: c, tunneling_config: {" + tunnel + "}") +
           "}]}]\n  clusters: [{name: c, load_assignment: {cluster_name: c}}]\n";
  };
  const std::string place = "filter_chains[0].filters[0].typed_config.tunneling_config.";
  const Loaded loaded = LoadListener(chain("hostname: '%REQUESTED_SERVER_NAME%:443', use_post: true"));
  ASSERT_NE(loaded.bootstrap, nullptr) << loaded.errors[0].message;
  const auto& tcp = std::get<TcpProxy>(loaded.bootstrap->listeners[0]->filter_chains[0].terminal);
  ASSERT_NE(tcp.tunneling, nullptr);
  EXPECT_TRUE(tcp.tunneling->post);
  EXPECT_EQ(tcp.tunneling->post_path, "/");
  EXPECT_EQ(Errors(chain("")), Lines{place + "hostname: missing, but required"});
  EXPECT_EQ(Errors(chain("hostname: 'a b'")), Lines{place + "hostname: \"a b\", expected host[:port]"});
  EXPECT_EQ(Errors(chain("hostname: '%NONE%'")).size(), 1u);
  EXPECT_EQ(Errors(chain("hostname: a, post_path: /x")), Lines{place + "post_path: set, but needs use_post"});
  EXPECT_EQ(Errors(chain("hostname: a, use_post: true, post_path: x")),
            Lines{place + "post_path: \"x\", expected a path that begins with '/'"});
}

TEST(Listener, Requesters) {
  const auto errors = [](const std::string& fields) {
    return Errors("    filter_chains: [{filters: [{name: h, " +
                  Any("filters.network.http_connection_manager.v3.HttpConnectionManager",
                      ", stat_prefix: s, route_config: {name: r}, http_filters: [{name: r, " +
                          Any("filters.http.router.v3.Router") + "}], " + fields) +
                  "}]}]\n");
  };
  const auto detection = [](const std::string& type, const std::string& fields) {
    return "original_ip_detection_extensions: [{name: e, " + Any("http.original_ip_detection." + type, fields) + "}]";
  };
  const std::string place = "filter_chains[0].filters[0].typed_config.original_ip_detection_extensions";
  const std::string xff = detection("xff.v3.XffConfig", "");
  EXPECT_EQ(errors(xff), Lines{});
  EXPECT_EQ(errors("use_remote_address: true, " + xff), Lines{place + ": excludes use_remote_address"});
  EXPECT_EQ(errors("xff_num_trusted_hops: 1, " + xff),
            Lines{place + ": excludes xff_num_trusted_hops, expected XffConfig.xff_num_trusted_hops"});
  EXPECT_EQ(errors(detection("xff.v3.XffConfig",
                             ", xff_num_trusted_hops: 1, xff_trusted_cidrs: {cidrs: [{address_prefix: 10.0.0.0, prefix_len: 8}]}")),
            Lines{place + "[0].typed_config.xff_trusted_cidrs: excludes xff_num_trusted_hops"});
  EXPECT_EQ(errors(detection("custom_header.v3.CustomHeaderConfig", ", header_name: 'a b'")),
            Lines{place + "[0].typed_config.header_name: \"a b\", expected a header's name"});
  EXPECT_EQ(errors("original_ip_detection_extensions: [{name: e, " + Any("filters.http.router.v3.Router") + "}]").size(), 1u);
  EXPECT_EQ(errors("early_header_mutation_extensions: [{name: e, " +
                   Any("http.early_header_mutation.header_mutation.v3.HeaderMutation", ", mutations: [{remove: host}]") + "}]"),
            Lines{"filter_chains[0].filters[0].typed_config.early_header_mutation_extensions[0].typed_config.mutations[0].remove: "
                  "\"host\" can be neither added nor removed"});
}

TEST(Listener, Chains) {
  const Loaded loaded = LoadListener(Chains({"destination_port: 81", "server_names: [A.b]"}) +
                                     "    default_filter_chain: {filters: [" + std::string(kEcho) + "]}\n");
  ASSERT_NE(loaded.bootstrap, nullptr);
  const Listener& listener = *loaded.bootstrap->listeners[0];
  EXPECT_EQ(listener.filter_chains.size(), 3u);
  EXPECT_EQ(listener.chain_matcher.Find({}), 2u);
  match::ConnectionTraits traits;
  traits.server_name = "a.b";
  EXPECT_EQ(listener.chain_matcher.Find(traits), 1u);
}

TEST(Listener, WrongChains) {
  EXPECT_EQ(Errors(Chains({"server_names: [a]", "server_names: [b, A]"})),
            Lines{"filter_chains[1].filter_chain_match: fits the same connections as that of filter_chains[0]"});
  EXPECT_EQ(Errors(Chains({"server_names: [\"*\"]"})),
            Lines{"filter_chains[0].filter_chain_match.server_names[0]: \"*\", expected a name, or \"*.\" and the "
                  "end of one"});
  EXPECT_EQ(
      Errors(Chains({"destination_port: 65536"})),
      Lines{"filter_chains[0].filter_chain_match.destination_port: 65536, expected at least 1 and at most 65535"});
  EXPECT_EQ(
      Errors(Chains({"source_ports: [0]"})),
      Lines{"filter_chains[0].filter_chain_match.source_ports[0]: 0, expected at least 1 and at most 65535"});
  EXPECT_EQ(Errors("    default_filter_chain: {filter_chain_match: {}, filters: [" + std::string(kEcho) + "]}\n"),
            Lines{"default_filter_chain.filter_chain_match: expected none: it gets what fits no other chain"});
}

TEST(Listener, NetworkFilters) {
  const std::string limit = "{name: limit, " +
                            Any("filters.network.connection_limit.v3.ConnectionLimit",
                                ", stat_prefix: x, max_connections: 5, delay: 1s, runtime_enabled: "
                                "{default_value: true, runtime_key: k}") +
                            "}";
  const Loaded loaded = LoadListener("    filter_chains: [{filters: [" + limit + ", " + kEcho + "]}]\n");
  ASSERT_NE(loaded.bootstrap, nullptr);
  const auto& built = std::get<ConnectionLimit>(loaded.bootstrap->listeners[0]->filter_chains[0].filters.at(0));
  EXPECT_EQ(built.max_connections, 5u);
  EXPECT_EQ(built.delay, std::chrono::seconds(1));
  EXPECT_TRUE(built.on.Now());
  EXPECT_EQ(Errors("    filter_chains: [{filters: [" + limit + "]}]\n"),
            Lines{"filter_chains[0].filters[0]: ends the chain, expected HttpConnectionManager, TcpProxy or Echo "
                  "behind it"});
  EXPECT_EQ(
      Errors("    filter_chains: [{filters: [{name: limit, " +
             Any("filters.network.connection_limit.v3.ConnectionLimit", ", stat_prefix: x, max_connections: 0") +
             "}, " + kEcho + "]}]\n"),
      Lines{"filter_chains[0].filters[0].typed_config.max_connections: 0, expected at least 1"});
  EXPECT_EQ(
      Errors("    filter_chains: [{filters: [{name: router, " + Any("filters.http.router.v3.Router") + "}, " +
             kEcho + "]}]\n"),
      Lines{"filter_chains[0].filters[0].typed_config: a envoy.extensions.filters.http.router.v3.Router, expected "
            "ConnectionLimit, LocalRateLimit, RBAC, SetFilterState or SniCluster"});
}

TEST(Listener, ListenerFilters) {
  const std::string chain = "    filter_chains: [{filters: [" + std::string(kEcho) + "]}]\n";
  const Loaded loaded = LoadListener(
      chain + "    listener_filters_timeout: 3s\n    listener_filters: [{name: tls, " +
      Any("filters.listener.tls_inspector.v3.TlsInspector", ", initial_read_buffer_size: 512") + "}]\n");
  ASSERT_NE(loaded.bootstrap, nullptr);
  const Listener& listener = *loaded.bootstrap->listeners[0];
  EXPECT_EQ(listener.listener_filters_timeout, std::chrono::seconds(3));
  EXPECT_EQ(listener.listener_filters.at(0).name, "tls");
  EXPECT_EQ(std::get<TlsInspector>(listener.listener_filters[0].filter).initial_buffer, 512u);

  const auto filter = [&](const std::string& filter) {
    return Errors(chain + "    listener_filters: [{name: f, " + filter + "}]\n");
  };
  EXPECT_EQ(filter(Any("filters.http.router.v3.Router")),
            Lines{"listener_filters[0].typed_config: a envoy.extensions.filters.http.router.v3.Router, expected "
                  "TlsInspector, "
                  "HttpInspector, OriginalDst, OriginalSrc or ProxyProtocol"});
  EXPECT_EQ(
      filter(Any("filters.listener.proxy_protocol.v3.ProxyProtocol", ", disallowed_versions: [V1, V2]")),
      Lines{"listener_filters[0].typed_config.disallowed_versions: both versions, expected one that is allowed"});
  EXPECT_EQ(filter(Any("filters.listener.original_dst.v3.OriginalDst") +
                   ", filter_disabled: {destination_port_range: {start: 9, end: 9}}"),
            Lines{"listener_filters[0].filter_disabled.destination_port_range: 9 to 9, expected a range of ports, "
                  "the end behind "
                  "its last"});
}

TEST(Listener, TransportSocket) {
  EXPECT_EQ(Errors("    filter_chains: [{transport_socket: {name: tls, " + Any("filters.http.router.v3.Router") +
                   "}, filters: [" + std::string(kEcho) + "]}]\n"),
            Lines{"filter_chains[0].transport_socket.typed_config: a "
                  "envoy.extensions.filters.http.router.v3.Router, expected "
                  "DownstreamTlsContext, PeerAuthentication or RawBuffer"});
}

TEST(Listener, AddressesOnceEach) {
  const std::string chain = "    filter_chains: [{filters: [" + std::string(kEcho) + "]}]\n";
  EXPECT_EQ(
      Errors(chain +
             "    additional_addresses:\n    - address: {socket_address: {address: 10.0.0.2, port_value: 80}}\n"
             "    - address: {socket_address: {address: 10.0.0.1, port_value: 80}}\n"),
      Lines{"additional_addresses[1].address: 10.0.0.1:80 is already the address of listener \"in\""});
}

TEST(Cluster, OriginalDst) {
  const auto errors = [](const std::string& fields) {
    std::vector<std::string> texts;
    for (const ConfigError& error : LoadText("static_resources: {clusters: [{name: c, " + fields + "}]}").errors) {
      texts.push_back(error.path.substr(std::string_view("static_resources.clusters[0].").size()) + ": " +
                      error.message);
    }
    return texts;
  };
  EXPECT_EQ(errors("type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED"), Lines{});
  EXPECT_EQ(errors("type: ORIGINAL_DST"),
            Lines{"lb_policy: expected CLUSTER_PROVIDED in a cluster of type ORIGINAL_DST"});
  EXPECT_EQ(errors("lb_policy: CLUSTER_PROVIDED"),
            Lines{"lb_policy: CLUSTER_PROVIDED, but no cluster of type ORIGINAL_DST and no aggregate"});
  EXPECT_EQ(errors("type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, original_dst_lb_config: {metadata_key: {key: a}}"),
            Lines{"original_dst_lb_config.metadata_key.path: empty, but required"});
  EXPECT_EQ(errors("original_dst_lb_config: {}"), Lines{"original_dst_lb_config: needs type ORIGINAL_DST"});
}

}  // namespace
}  // namespace pillion::config

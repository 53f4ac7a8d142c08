// In steady state a request that passes through the whole proxy, both ways and into the access log, allocates nothing.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "test/support/counted_memory.h"
#include "test/unit/codec/http2/raw_frames.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

// A stream that allocates nothing itself: reads what it was given, keeps what was written last.
class PlainTransport final : public net::Transport {
 public:
  PlainTransport(const net::Address& local, const net::Address& remote) : local_(local), remote_(remote) {}

  void Give(std::string_view bytes) {
    to_read_ = bytes;
    events_->OnTransportReady({.readable = true, .writable = false, .hangup = false, .failed = false});
  }
  std::string_view written() const { return {written_.data(), size_}; }
  void ForgetWritten() { size_ = 0; }
  void Connected() { events_->OnTransportReady({.readable = false, .writable = true, .hangup = false, .failed = false}); }

  int Start(net::TransportEvents& events) override {
    events_ = &events;
    return 0;
  }
  int connect_error() override { return 0; }
  net::IoResult Read(std::span<char> into) override {
    if (to_read_.empty()) return {.status = net::IoStatus::kWouldBlock};
    const size_t bytes = std::min(into.size(), to_read_.size());
    std::memcpy(into.data(), to_read_.data(), bytes);
    to_read_.remove_prefix(bytes);
    return {.status = net::IoStatus::kOk, .bytes = bytes};
  }
  net::IoResult Write(std::span<const iovec> from) override {
    size_t bytes = 0;
    for (const iovec& piece : from) {
      std::memcpy(written_.data() + size_, piece.iov_base, piece.iov_len);
      size_ += piece.iov_len;
      bytes += piece.iov_len;
    }
    return {.status = net::IoStatus::kOk, .bytes = bytes};
  }
  void ShutdownWrite() override {}
  void Abort() override {}
  const net::Address& local_address() override { return local_; }
  const net::Address& remote_address() const override { return remote_; }
  std::optional<net::Address> OriginalDestination() override { return std::nullopt; }
  void SetLocalAddress(const net::Address&) override {}
  void SetRemoteAddress(const net::Address&) override {}

 private:
  const net::Address local_;
  const net::Address remote_;
  net::TransportEvents* events_ = nullptr;
  std::string_view to_read_;
  std::array<char, 64 * 1024> written_;
  size_t size_ = 0;
};

// Longer than what a std::string holds in place.
const net::Address kClientAddress = *net::Address::Ip("192.168.100.101", 54321);
const net::Address kProxyAddress = *net::Address::Ip("192.168.100.102", 54322);

class PlainConnector final : public net::Connector {
 public:
  std::unique_ptr<net::Transport> Connect(const net::Address& address, const net::ConnectOptions*) override {
    auto transport = std::make_unique<PlainTransport>(kProxyAddress, address);
    last = transport.get();
    return transport;
  }
  PlainTransport* last = nullptr;
};

class Allocation {
 public:
  explicit Allocation(bool http2_upstream, const std::string& http_filters = "", const std::string& scopes = "")
      : world_({.hcm = "generate_request_id: true\nuse_remote_address: true",
                .scopes = scopes,
                .http_filters = http_filters,
                .http2_upstream = http2_upstream,
                .connector = &connector_}) {
    auto transport = std::make_unique<PlainTransport>(kProxyAddress, kClientAddress);
    downstream_ = transport.get();
    world_.Accept(std::move(transport));
  }

  PlainTransport& downstream() { return *downstream_; }
  PlainTransport& upstream() { return *connector_.last; }
  bool connected() const { return connector_.last != nullptr; }

  // One turn in which `to` gets `bytes`. Returns how often it allocated.
  size_t Turn(PlainTransport& to, std::string_view bytes) {
    downstream_->ForgetWritten();
    if (connected()) upstream().ForgetWritten();
    const size_t before = test::Allocations();
    world_.worker().BeginTurn();
    to.Give(bytes);
    world_.worker().EndTurn();
    const size_t count = test::Allocations() - before;
    Drain();
    return count;
  }
  void FinishConnect() {
    world_.worker().BeginTurn();
    upstream().Connected();
    world_.worker().EndTurn();
    Drain();
  }

 private:
  void Drain() {
    while (world_.worker().has_work()) world_.worker().RunTurn();
  }

  PlainConnector connector_;
  ProxyWorld world_;
  PlainTransport* downstream_;
};

constexpr int kWarm = 200;
constexpr int kCounted = 300;

std::string Http2Request(uint32_t id, bool body) {
  const Fields fields = RequestFields({{"user-agent", "a client with a name that is long"}, {"x-a", "1"}}, body ? "POST" : "GET");
  if (!body) return HeadersFrame(id, fields);
  return HeadersFrame(id, fields, kEndHeaders) + DataFrame(id, "hello", kEndStream);
}

std::string Http2Response(uint32_t id) {
  return HeadersFrame(id, {{":status", "200"}, {"content-type", "application/json"}}, kEndHeaders) +
         DataFrame(id, "0123456789", kEndStream);
}

constexpr std::string_view kHttp1Get = "GET /path HTTP/1.1\r\nhost: h.test\r\nuser-agent: a client with a name that is long\r\n\r\n";
constexpr std::string_view kHttp1Post =
    "POST /path HTTP/1.1\r\nhost: h.test\r\nuser-agent: a client with a name that is long\r\ncontent-length: 5\r\n\r\nhello";
constexpr std::string_view kHttp1Response =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n0123456789";

// `http1_request`: in place of the usual ones.
void Measure(bool http2_down, bool http2_up, bool body, const std::string& http_filters = "",
             std::string_view http1_request = {}, const std::string& scopes = "") {
  Allocation proxy(http2_up, http_filters, scopes);
  if (http2_down) proxy.Turn(proxy.downstream(), kPreface + SettingsFrame());
  size_t counted = 0;
  size_t answers = 0;
  for (int i = 0; i < kWarm + kCounted; ++i) {
    const uint32_t id = 2 * static_cast<uint32_t>(i) + 1;
    const std::string request = http2_down               ? Http2Request(id, body)
                                : !http1_request.empty() ? std::string(http1_request)
                                                         : std::string(body ? kHttp1Post : kHttp1Get);
    const std::string response = http2_up ? Http2Response(id) : std::string(kHttp1Response);
    size_t count = proxy.Turn(proxy.downstream(), request);
    if (i == 0) {
      ASSERT_TRUE(proxy.connected());
      proxy.FinishConnect();
      if (http2_up) proxy.Turn(proxy.upstream(), SettingsFrame());
    }
    count += proxy.Turn(proxy.upstream(), response);
    if (proxy.downstream().written().find("0123456789") != std::string_view::npos) ++answers;
    if (i >= kWarm) counted += count;
  }
  EXPECT_EQ(answers, static_cast<size_t>(kWarm + kCounted));
  EXPECT_EQ(counted, 0u) << "in " << kCounted << " requests";
}

TEST(AllocationTest, Http1ToHttp1) { Measure(false, false, false); }
TEST(AllocationTest, Http1ToHttp1WithBody) { Measure(false, false, true); }
TEST(AllocationTest, Http2ToHttp2) { Measure(true, true, false); }
TEST(AllocationTest, Http2ToHttp2WithBody) { Measure(true, true, true); }
TEST(AllocationTest, Http1ToHttp2) { Measure(false, true, true); }
TEST(AllocationTest, Http2ToHttp1) { Measure(true, false, true); }

// Of a few hundred scopes, by a key of two fragments.
TEST(AllocationTest, Http1ToHttp1ByScope) {
  std::string scopes =
      "scoped_routes:\n"
      "  name: s\n"
      "  scope_key_builder: {fragments: [{header_value_extractor: {name: ':authority', index: 0}}, {header_value_extractor: "
      "{name: x-scope, element_separator: ';', element: {separator: '=', key: k}}}]}\n"
      "  scoped_route_configurations_list:\n"
      "    scoped_route_configurations:\n";
  for (int i = 0; i < 300; ++i) {
    const std::string name = "a-scope-with-a-long-name-" + std::to_string(i);
    scopes += "    - {name: " + name + ", key: {fragments: [{string_key: h.test}, {string_key: " + name +
              "}]}, route_configuration: {name: t, virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: "
              "{cluster: app}}]}]}}\n";
  }
  Measure(false, false, false, "",
          "GET /path HTTP/1.1\r\nhost: h.test\r\nx-scope: a=1;k=a-scope-with-a-long-name-299\r\n\r\n", scopes);
}

// Filters that look at each request, as a sidecar has them.
constexpr char kFilters[] = R"(- name: principals
  typed_config: {"@type": type.googleapis.com/pillion.filters.http.principal_stats.v1.PrincipalStats}
- name: rbac
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
    rules:
      policies:
        one: {permissions: [{any: true}], principals: [{authenticated: {principal_name: {exact: "spiffe://td.test/other"}}}]}
        two:
          permissions: [{url_path: {path: {prefix: /}}}]
          principals: [{direct_remote_ip: {address_prefix: 192.168.0.0, prefix_len: 16}}]
    shadow_rules: {action: DENY, policies: {three: {permissions: [{header: {name: x-a, present_match: true}}], principals: [{any: true}]}}}
)";

TEST(AllocationTest, Http1ToHttp2WithFilters) { Measure(false, true, false, kFilters); }
TEST(AllocationTest, Http2ToHttp2WithFilters) { Measure(true, true, true, kFilters); }

// Buckets of two descriptors and one of all, and what is left in them.
constexpr char kLimits[] = R"(- name: limit
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
    stat_prefix: rl
    filter_enabled: {default_value: {numerator: 100}}
    filter_enforced: {default_value: {numerator: 100}}
    token_bucket: {max_tokens: 100000, fill_interval: 1s}
    enable_x_ratelimit_headers: DRAFT_VERSION_03
    rate_limits:
    - actions: [{request_headers: {header_name: user-agent, descriptor_key: agent}}]
    - actions: [{generic_key: {descriptor_value: all}}]
    descriptors:
    - {entries: [{key: agent}], token_bucket: {max_tokens: 90000, fill_interval: 1s}}
    - {entries: [{key: generic_key, value: all}], token_bucket: {max_tokens: 80000, fill_interval: 2s}}
)";

TEST(AllocationTest, Http1ToHttp2WithLimits) { Measure(false, true, false, kLimits); }

// Breakers of a request's route, cluster and lane, and of all; what they say stands in the answer.
constexpr char kBreakers[] = R"(- name: degradation
  typed_config:
    "@type": type.googleapis.com/pillion.filters.http.degradation.v1.Degradation
    fields: ALWAYS
    rules:
    - {name: failing, grade: ERROR_RATIO, threshold: 0.5, open_for: 1s, per: [ROUTE, CLUSTER, LANE]}
    - {name: slow, threshold: 1, slow_over: 1s, open_for: 1s, recovery_windows: 2}
)";

TEST(AllocationTest, Http1ToHttp2WithBreakers) { Measure(false, true, false, kBreakers); }

// A context that is read, held to, written and remembered, or found again.
std::string Context(const std::string& direction) {
  return "- name: context\n  typed_config:\n    {\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context, "
         "direction: " + direction + ", trust: {addresses: [{address_prefix: 192.168.0.0, prefix_len: 16}]}}\n";
}
constexpr std::string_view kWithContext =
    "GET /path HTTP/1.1\r\nhost: h.test\r\nx-request-id: 7b2d4a34-0d9c-4a0e-8a37-2f4c5d6e7f80\r\n"
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=1,b=2\r\n"
    "baggage: env=grey,version=v7,user=12345,a=1,b=2,c=3,d=4,e=percent%20encoded\r\nx-timeout-ms: 20000\r\n"
    "x-tenant: acme\r\n"
    "x-vivo-context: dmN0eAcABGFjbWUEAAgDZW52Z3JleQ==\r\n\r\n";

TEST(AllocationTest, ContextInbound) { Measure(false, true, false, Context("INBOUND"), kWithContext); }
TEST(AllocationTest, ContextOutbound) { Measure(false, false, false, Context("OUTBOUND"), kWithContext); }
TEST(AllocationTest, ContextOfStrangers) { Measure(true, true, true, Context("INBOUND")); }

}  // namespace
}  // namespace pillion::test

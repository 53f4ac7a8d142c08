#include "source/telemetry/record_filter.h"

#include <gtest/gtest.h>

#include "source/base/block.h"
#include "source/telemetry/node_facts.h"
#include "source/telemetry/record_attributes.h"

namespace pillion::telemetry {
namespace {

using record::Comparison;

class RecordFilterTest : public ::testing::Test {
 protected:
  RecordFilterTest() {
    record_.request = &request_;
    record_.response = &response_;
    record_.response_code = 503;
    record_.type = LogType::kDownstreamEnd;
    record_.at(TimePoint::kDownstreamRxBegin) = base::MonotonicTime(std::chrono::seconds(100));
    record_.at(TimePoint::kEnd) = base::MonotonicTime(std::chrono::milliseconds(100'012));
  }

  template <typename Test>
  bool Holds(Test test) {
    return RecordFilter(std::move(test)).Holds(record_);
  }

  base::BlockPool pool_;
  base::Arena arena_{pool_};
  http::RequestHead request_{arena_};
  http::ResponseHead response_{arena_};
  http::HeaderMap trailers_{arena_};
  RequestRecord record_;
};

TEST_F(RecordFilterTest, StatusCode) {
  EXPECT_TRUE(Holds(record::StatusCode{{Comparison::kEqual, 503}}));
  EXPECT_FALSE(Holds(record::StatusCode{{Comparison::kEqual, 500}}));
  EXPECT_TRUE(Holds(record::StatusCode{{Comparison::kAtLeast, 503}}));
  EXPECT_FALSE(Holds(record::StatusCode{{Comparison::kAtLeast, 504}}));
  EXPECT_TRUE(Holds(record::StatusCode{{Comparison::kAtMost, 503}}));
  EXPECT_FALSE(Holds(record::StatusCode{{Comparison::kAtMost, 502}}));
  EXPECT_TRUE(Holds(record::StatusCode{{Comparison::kNot, 200}}));
  EXPECT_FALSE(Holds(record::StatusCode{{Comparison::kNot, 503}}));
}

TEST_F(RecordFilterTest, NumberMayBeSetWhileRunning) {
  const auto key = std::make_shared<runtime::Key>("k");
  const RecordFilter filter(record::StatusCode{{Comparison::kAtLeast, 500, key}});
  EXPECT_TRUE(filter.Holds(record_));
  runtime::Value value;
  value.integer = 504;
  key->Set(&value);
  EXPECT_FALSE(filter.Holds(record_));
  key->Set(nullptr);
  EXPECT_TRUE(filter.Holds(record_));
}

TEST_F(RecordFilterTest, Duration) {
  EXPECT_TRUE(Holds(record::Duration{{Comparison::kAtLeast, 12}}));
  EXPECT_FALSE(Holds(record::Duration{{Comparison::kAtLeast, 13}}));
}

TEST_F(RecordFilterTest, Expression) {
  const auto holds = [this](const std::string& text) {
    const auto program = CompileForRecords(text, expression::Kind::kBool);
    if (program.ok()) return std::string(Holds(record::Expression{*program}) ? "yes" : "no");
    return std::string(program.status().message());
  };
  request_.method = "POST";
  request_.path = "/a?b=1";
  request_.headers.Add("x-a", "1");
  record_.downstream_remote_address = "[2001:db8::1]:4711";
  record_.downstream_local_address = "192.0.2.1:80";
  record_.upstream_remote_address = "192.0.2.9:8080";
  record_.upstream_cluster = "be";
  record_.route_name = "r";
  EXPECT_EQ(holds("response.code == 503 && request.method == 'POST' && request.query_parameters['b'] == '1'"), "yes");
  EXPECT_EQ(holds("response.code < 500"), "no");
  EXPECT_EQ(holds("request.headers['x-none'] == '1'"), "no");  // it fails
  EXPECT_EQ(holds("request.duration >= duration('0.012s') && request.duration < duration('0.013s')"), "yes");
  EXPECT_EQ(holds("source.ip == '2001:db8::1' && source.port == 4711 && destination.port == 80 && !connection.mtls"), "yes");
  EXPECT_EQ(holds("upstream.address == '192.0.2.9:8080' && upstream.port == 8080 && xds.cluster_name == 'be'"), "yes");
  EXPECT_EQ(holds("xds.route_name == 'r' && request.headers.exists_one(n, n == 'x-a') && !has(request.scheme)"), "yes");
  EXPECT_EQ(holds("'s' in metadata.filter_metadata || 'o' in filter_state"), "no");
  record_.upstream_local_address = "192.0.2.2:4000";
  record_.connection_termination_details = "rbac";
  record_.downstream_transport_failure_reason = "TLS error";
  EXPECT_EQ(holds("upstream.local_address == '192.0.2.2:4000' && connection.termination_details == 'rbac' && "
                  "connection.transport_failure_reason == 'TLS error' && !has(upstream.transport_failure_reason)"), "yes");
  EXPECT_EQ(holds("has(response.backend_latency) || has(upstream.tls_version) || has(upstream.uri_san_peer_certificate)"), "no");
  record_.at(TimePoint::kUpstreamTxBegin) = base::MonotonicTime(std::chrono::milliseconds(100'003));
  record_.at(TimePoint::kUpstreamRxEnd) = base::MonotonicTime(std::chrono::milliseconds(100'010));
  EXPECT_EQ(holds("response.backend_latency == duration('7ms')"), "yes");
  const metadata::Member key{.key = "k", .value = metadata::Value::Text("v")};
  const metadata::Member space{.key = "n", .value = {.kind = metadata::Value::Kind::kObject, .size = 1, .members = &key}};
  const metadata::Value host = {.kind = metadata::Value::Kind::kObject, .size = 1, .members = &space};
  record_.upstream_metadata = &host;
  EXPECT_EQ(holds("xds.upstream_host_metadata.filter_metadata['n']['k'] == 'v' && !('o' in xds.upstream_host_metadata.filter_metadata)"), "yes");
  EXPECT_EQ(holds("response.grpc_status == 14"), "yes");  // what 503 stands for
  response_.headers.Add("grpc-status", "7");
  EXPECT_EQ(holds("response.grpc_status == 7 && 'grpc-status' in response.headers"), "yes");
  trailers_.Add("grpc-status", "14");
  record_.response_trailers = &trailers_;
  EXPECT_EQ(holds("response.grpc_status == 14 && response.trailers['grpc-status'] == '14'"), "yes");
  EXPECT_EQ(holds("response.code"), "column 10: it gives int, expected bool");
  EXPECT_EQ(holds("has(xds.route_metadata.filter_metadata)"), "no");
  record_.route_metadata = &host;
  EXPECT_EQ(holds("xds.route_metadata.filter_metadata['n']['k'] == 'v'"), "yes");
  // What surrounds it.
  EXPECT_EQ(holds("response.flags == 0 && xds.listener_direction == 0 && !has(upstream.locality.zone) && !has(xds.node.id)"), "yes");
  EXPECT_EQ(holds("has(xds.listener_metadata.filter_metadata) || has(xds.node.metadata) || has(xds.virtual_host_name)"), "no");
  record_.response_flags.Set(ResponseFlag::kRateLimited);
  record_.listener_direction = 1;
  record_.listener_metadata = record_.virtual_host_metadata = record_.upstream_locality_metadata = &host;
  record_.virtual_host_name = "vh";
  record_.upstream_zone = "z9";
  EXPECT_EQ(holds("response.flags == 2048 && xds.listener_direction == 1 && upstream.locality.zone == 'z9' && xds.virtual_host_name == 'vh'"), "yes");
  EXPECT_EQ(holds("xds.listener_metadata.filter_metadata['n']['k'] == 'v' && xds.virtual_host_metadata.filter_metadata.n.k == 'v' && "
                  "xds.upstream_host_locality_metadata.filter_metadata['n']['k'] == 'v'"), "yes");
  const NodeFacts node{.id = "me", .cluster = "us", .region = "", .zone = "z1", .sub_zone = "", .tree = nullptr, .metadata = &space.value};
  record_.node = &node;
  EXPECT_EQ(holds("xds.node.id == 'me' && xds.node.cluster == 'us' && xds.node.locality.zone == 'z1' && xds.node.metadata['k'] == 'v'"), "yes");
  EXPECT_EQ(holds("has(xds.node.locality.region) || 'o' in xds.node.metadata"), "no");
  // Of a connection without a request.
  record_.request = nullptr;
  record_.response = nullptr;
  EXPECT_EQ(holds("request.method == 'POST' || has(request.headers.a) || request.cookies['a'] == 'b'"), "no");
  EXPECT_EQ(holds("source.port == 4711"), "yes");
}

TEST_F(RecordFilterTest, HealthCheck) {
  EXPECT_TRUE(Holds(record::NotHealthCheck{}));
  record_.health_check = true;
  EXPECT_FALSE(Holds(record::NotHealthCheck{}));
}

TEST_F(RecordFilterTest, Flags) {
  EXPECT_FALSE(Holds(record::AnyFlag{}));
  record_.response_flags = ResponseFlag::kUpstreamOverflow;
  EXPECT_TRUE(Holds(record::AnyFlag{}));
  ResponseFlags flags = ResponseFlag::kUpstreamConnectionFailure;
  EXPECT_FALSE(Holds(record::OneOfFlags{flags}));
  flags.Set(ResponseFlag::kUpstreamOverflow);
  EXPECT_TRUE(Holds(record::OneOfFlags{flags}));
}

// Also of a connection, which has no request.
TEST_F(RecordFilterTest, Header) {
  const RecordFilter there(record::Header{match::HeaderMatcher(http::FieldName("x-a"), match::Present{})});
  const RecordFilter missing(record::Header{match::HeaderMatcher(http::FieldName("x-a"), match::Present{false})});
  EXPECT_FALSE(there.Holds(record_));
  EXPECT_TRUE(missing.Holds(record_));
  request_.headers.Add("x-a", "");
  EXPECT_TRUE(there.Holds(record_));
  EXPECT_FALSE(missing.Holds(record_));
  record_.request = nullptr;
  EXPECT_FALSE(there.Holds(record_));
  EXPECT_TRUE(missing.Holds(record_));
}

// Trailers, then the head, then what the HTTP status stands for.
TEST_F(RecordFilterTest, GrpcStatus) {
  const auto is = [this](int status) { return Holds(record::GrpcStatus{.statuses = uint32_t{1} << status}); };
  EXPECT_TRUE(is(14));
  response_.headers.Add("grpc-status", "5");
  EXPECT_TRUE(is(5));
  trailers_.Add("grpc-status", "16");
  record_.response_trailers = &trailers_;
  EXPECT_TRUE(is(16));
  EXPECT_FALSE(is(5));
  EXPECT_FALSE(Holds(record::GrpcStatus{.statuses = uint32_t{1} << 16, .exclude = true}));
  EXPECT_TRUE(Holds(record::GrpcStatus{.statuses = 1, .exclude = true}));
}

TEST_F(RecordFilterTest, GrpcStatusThatIsNone) {
  response_.headers.Add("grpc-status", "many");
  EXPECT_FALSE(Holds(record::GrpcStatus{.statuses = UINT32_MAX}));
  RequestRecord none;
  EXPECT_FALSE(RecordFilter(record::GrpcStatus{.statuses = UINT32_MAX}).Holds(none));
}

TEST_F(RecordFilterTest, Type) {
  constexpr uint32_t kEnd = 1u << static_cast<int>(LogType::kDownstreamEnd);
  EXPECT_TRUE(Holds(record::Type{.types = kEnd}));
  EXPECT_FALSE(Holds(record::Type{.types = kEnd, .exclude = true}));
  EXPECT_FALSE(Holds(record::Type{.types = 1}));
}

// The first digits of x-request-id decide, 0x0000000a % 100 = 10; without them chance does.
TEST_F(RecordFilterTest, Sample) {
  record_.stream_id = "0000000a-0000-4000-8000-000000000000";
  record_.random = 50;
  const auto sampled = [this](uint32_t percent, bool independent = false) {
    return Holds(record::Sample{.fraction = {.fraction = {percent, 100}}, .independent = independent});
  };
  EXPECT_FALSE(sampled(10));
  EXPECT_TRUE(sampled(11));
  EXPECT_FALSE(sampled(50, true));
  EXPECT_TRUE(sampled(51, true));
  record_.stream_id = "not a UUID";
  EXPECT_FALSE(sampled(50));
  EXPECT_TRUE(sampled(51));
}

TEST_F(RecordFilterTest, Metadata) {
  using match::ValueMatcher;
  using metadata::Value;
  const auto holds = [this](ValueMatcher::Test test, bool if_missing = false, bool invert = false) {
    return Holds(record::Metadata{
        .matcher = {.space = "n", .path = {"o", "k"}, .value = std::make_shared<ValueMatcher>(std::move(test)), .invert = invert},
        .if_missing = if_missing});
  };
  metadata::Annotations notes;
  const auto set = [&](const Value& value) {
    const metadata::Member member = {"k", value};
    ASSERT_TRUE(notes.metadata.Set(arena_, "n", "o", {.kind = Value::Kind::kObject, .size = 1, .members = &member}));
  };
  EXPECT_FALSE(holds(match::Present{}));
  EXPECT_TRUE(holds(match::Present{}, true)) << "there are no notes at all";
  record_.annotations = &notes;
  EXPECT_TRUE(holds(match::Present{}, true));
  set(Value::Text("text"));
  EXPECT_TRUE(holds(match::Present{}));
  EXPECT_FALSE(holds(match::Present{}, true, true));
  EXPECT_TRUE(holds(match::StringMatcher(match::StringMatcher::Kind::kPrefix, "te")));
  EXPECT_FALSE(holds(match::StringMatcher(match::StringMatcher::Kind::kPrefix, "tx")));
  EXPECT_FALSE(holds(ValueMatcher::IsNull{}));
  set(Value());
  EXPECT_TRUE(holds(ValueMatcher::IsNull{}));
  set(Value::Flag(true));
  EXPECT_TRUE(holds(true));
  EXPECT_FALSE(holds(false));
  set(Value::Number(2));
  EXPECT_TRUE(holds(ValueMatcher::IsNumber{.begin = 2, .exact = true}));
  EXPECT_TRUE(holds(ValueMatcher::IsNumber{.begin = 2, .end = 3}));
  EXPECT_FALSE(holds(ValueMatcher::IsNumber{.begin = 1, .end = 2}));
  const ValueMatcher two(ValueMatcher::IsNumber{.begin = 2, .exact = true});
  const ValueMatcher yes(true);
  EXPECT_TRUE(holds(ValueMatcher::IsOneOf{{yes, two}}));
  EXPECT_FALSE(holds(ValueMatcher::IsOneOf{{yes, yes}}));
  EXPECT_FALSE(holds(ValueMatcher::HasElement{std::make_shared<ValueMatcher>(two)}));
  const metadata::Member elements[] = {{"", Value::Flag(true)}, {"", Value::Number(2)}};
  set({.kind = Value::Kind::kList, .size = 2, .members = elements});
  EXPECT_TRUE(holds(ValueMatcher::HasElement{std::make_shared<ValueMatcher>(two)}));
}

TEST_F(RecordFilterTest, AllAndAny) {
  const RecordFilter yes(record::All{});
  const RecordFilter no(record::Any{});
  EXPECT_TRUE(Holds(record::All{{yes, yes}}));
  EXPECT_FALSE(Holds(record::All{{yes, no}}));
  EXPECT_TRUE(Holds(record::Any{{no, yes}}));
  EXPECT_FALSE(Holds(record::Any{{no, no}}));
}

}  // namespace
}  // namespace pillion::telemetry

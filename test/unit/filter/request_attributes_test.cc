// What expressions see of an HTTP request.

#include "source/filter/request_attributes.h"

#include <gtest/gtest.h>

#include <string>

#include "source/config/route.h"
#include "source/expression/compiler.h"
#include "source/expression/evaluator.h"
#include "source/telemetry/node_facts.h"
#include "test/support/fake_stream_context.h"

namespace pillion::filter {
namespace {

using expression::Moment;
using metadata::Value;

class RequestAttributesTest : public testing::Test, public test::FakeStreamContext {
 protected:
  RequestAttributesTest() {
    request_.method = "POST";
    request_.scheme = "https";
    request_.authority = "shop.test:8443";
    request_.path = "/v1/payments?page=2&q=a%20b";
    request_.content_length = 512;
    for (const auto& [name, value] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"x-tenant-id", "acme"}, {"accept", "text/html"}, {"x-many", "1"}, {"cookie", "a=1; b=2"}, {"x-many", "2"},
             {"x-request-id", "id-1"}, {"accept", "*/*"}}) {
      request_.headers.Add(name, value);
    }
    facts_.remote = {.address = {}, .ip = "192.0.2.7", .port = 5000};
    facts_.server_name = "shop.test";
    route_.name = "payments";
  }

  // As Show() has it.
  std::string Run(std::string_view text, Moment moment = Moment::kRequest) {
    const auto program = expression::Compile(text, {.check = {.moment = moment}});
    if (!program.ok()) return std::string(program.status().message());
    return expression::Show(expression::Evaluate(**program, RequestAttributes(*this), arena_));
  }
  void Note(std::string_view space, std::string_view key, const Value& value) {
    ASSERT_TRUE(annotations_.metadata.Set(arena_, space, key, value));
  }

  const http::ResponseHead* response() const override { return has_response_ ? &response_ : nullptr; }
  const config::Route* route() const override { return &route_; }
  std::string_view cluster_name() const override { return "payments-v2"; }
  void Describe(telemetry::RequestRecord& record) override {
    ++described_;
    record.downstream_local_address = "[2001:db8::1]:8443";
    record.connection_id = 9;
    record.filter_chain_name = "mutual";
    record.virtual_host_name = "shop";
    record.listener_direction = 2;
    record.node = &node_;
    record.start_time = base::WallTime(std::chrono::seconds(1'795'000'000));
    record.response_code = has_response_ ? 503 : 0;
    record.response_trailers = has_response_ ? &trailers_ : nullptr;
    record.bytes_sent = 70;
    record.upstream_remote_address = "192.0.2.9:80";
    record.at(telemetry::TimePoint::kDownstreamRxBegin) = base::MonotonicTime(std::chrono::seconds(5));
    record.at(telemetry::TimePoint::kEnd) = base::MonotonicTime(std::chrono::milliseconds(6'500));
  }
  access::Request AccessRequest() override {
    return {.connection = facts_, .head = &request_, .notes = &annotations_, .route_metadata = route_metadata_};
  }

  http::ResponseHead response_{arena_};
  http::HeaderMap trailers_{arena_};
  config::Route route_;
  const Value* route_metadata_ = nullptr;
  telemetry::NodeFacts node_{.id = "me", .cluster = "us", .region = {}, .zone = "z1", .sub_zone = {}, .tree = nullptr, .metadata = nullptr};
  bool has_response_ = false;
  int described_ = 0;
};

TEST_F(RequestAttributesTest, Head) {
  EXPECT_EQ(Run("[request.method, request.scheme, request.host, request.path, request.url_path, request.query]"),
            "['POST', 'https', 'shop.test:8443', '/v1/payments?page=2&q=a%20b', '/v1/payments', 'page=2&q=a%20b']");
  EXPECT_EQ(Run("[request.id, request.protocol]"), "['id-1', 'HTTP/1.1']");
  EXPECT_EQ(Run("request.size"), "512");
  EXPECT_EQ(Run("has(request.referer) || has(request.useragent)"), "false");
  EXPECT_EQ(Run("request.query_parameters['q']"), "'a%20b'");
  EXPECT_EQ(Run("'z' in request.query_parameters || 'z' in request.cookies"), "false");
  EXPECT_EQ(Run("request.cookies['b']"), "'2'");
  EXPECT_EQ(described_, 0);
}

TEST_F(RequestAttributesTest, Fields) {
  EXPECT_EQ(Run("request.headers['x-tenant-id'] + request.headers['X-Tenant-Id']"), "'acmeacme'");
  EXPECT_EQ(Run("request.headers['x-many'] + ' ' + request.headers['Accept']"), "'1,2 text/html,*/*'");
  EXPECT_EQ(Run("request.headers['x-none']"), "error: no such key");
  EXPECT_EQ(Run("[request.headers[':method'], request.headers['host'], request.headers[':path']]"),
            "['POST', 'shop.test:8443', '/v1/payments?page=2&q=a%20b']");
  EXPECT_EQ(Run("request.headers.filter(name, true)"), "['x-tenant-id', 'accept', 'x-many', 'cookie', 'x-request-id']");
  EXPECT_EQ(Run("size(request.cookies)"), "error: no such overload");
}

TEST_F(RequestAttributesTest, Connection) {
  EXPECT_EQ(Run("[source.address, source.ip, destination.address]"), "['192.0.2.7:5000', '192.0.2.7', '[2001:db8::1]:8443']");
  EXPECT_EQ(Run("[source.port, destination.port]"), "[5000, 8443]");
  EXPECT_EQ(Run("connection.id"), "9u");
  EXPECT_EQ(Run("connection.requested_server_name"), "'shop.test'");
  EXPECT_EQ(Run("connection.mtls || has(source.principal) || has(connection.tls_version)"), "false");
  facts_.peer.emplace();
  facts_.peer->subject = "CN=front";
  EXPECT_EQ(Run("source.principal"), "'CN=front'");
  facts_.peer->dns = {"front.test"};
  EXPECT_EQ(Run("source.principal"), "'front.test'");
  facts_.peer->uris = {"spiffe://shop.test/front", "spiffe://shop.test/other"};
  EXPECT_EQ(Run("connection.mtls ? source.principal : ''"), "'spiffe://shop.test/front'");
  EXPECT_EQ(Run("[connection.uri_san_peer_certificate, connection.dns_san_peer_certificate, connection.subject_peer_certificate]"),
            "['spiffe://shop.test/front', 'front.test', 'CN=front']");
  EXPECT_EQ(Run("[xds.route_name, xds.cluster_name, xds.filter_chain_name]"), "['payments', 'payments-v2', 'mutual']");
}

TEST_F(RequestAttributesTest, Context) {
  EXPECT_EQ(Run("has(context.tenant) || has(context.baggage) || has(context.flags)"), "false");
  EXPECT_EQ(Run("context.baggage['region']"), "error: no such key");
  const metadata::Member baggage[] = {{"region", Value::Text("cn-south-1")}, {"shop", Value::Text("7")}};
  Note("pillion.context", "tenant", Value::Text("acme"));
  Note("pillion.context", "biz_flags", Value::Number(5));
  Note("pillion.context", "payment_path", Value::Flag(true));
  Note("pillion.context", "time_left_ms", Value::Number(1'500.5));
  Note("pillion.context", "baggage", {.kind = Value::Kind::kObject, .size = 2, .members = baggage});
  EXPECT_EQ(Run("context.tenant + context.baggage['region'] + context.baggage.shop"), "'acmecn-south-17'");
  EXPECT_EQ(Run("math.bitAnd(context.flags, 4) != 0 && context.payment_path"), "true");
  EXPECT_EQ(Run("context.time_left"), "duration('1.500500s')");
  EXPECT_EQ(Run("context.baggage.map(key, key)"), "['region', 'shop']");
  RequestAttributes attributes(*this);
  EXPECT_EQ(attributes.Tenant(arena_), "acme");
  EXPECT_EQ(attributes.Baggage("shop", arena_), "7");
  EXPECT_EQ(attributes.Cost(arena_), 1u);
  Note(RequestAttributes::kSpace, "cost", Value::Number(12));
  Note(RequestAttributes::kSpace, "priority", Value::Number(2));
  EXPECT_EQ(RequestAttributes(*this).Cost(arena_), 12u);
  EXPECT_EQ(RequestAttributes(*this).Priority(arena_, 0), 2);
  Note(RequestAttributes::kSpace, "cost", Value::Number(1e300));
  EXPECT_EQ(Run("request.cost"), "error: no such attribute");
}

TEST_F(RequestAttributesTest, Metadata) {
  const metadata::Member list[] = {{"", Value::Number(1)}, {"", Value::Text("a")}};
  Note("some.filter", "list", {.kind = Value::Kind::kList, .size = 2, .members = list});
  Note("some.filter", "flag", Value::Flag(true));
  EXPECT_EQ(Run("metadata.filter_metadata['some.filter']"), "{'list': [1.0, 'a'], 'flag': true}");
  EXPECT_EQ(Run("metadata.filter_metadata['some.filter'].list[1] == 'a'"), "true");
  EXPECT_EQ(Run("has(metadata.filter_metadata.other)"), "false");
  EXPECT_EQ(Run("has(xds.route_metadata.filter_metadata)"), "false");
  const metadata::Member keys[] = {{"class", Value::Text("gold")}};
  const metadata::Member spaces[] = {{"ns", {.kind = Value::Kind::kObject, .size = 1, .members = keys}}};
  const Value of_route{.kind = Value::Kind::kObject, .size = 1, .members = spaces};
  route_metadata_ = &of_route;
  EXPECT_EQ(Run("xds.route_metadata.filter_metadata['ns']['class']"), "'gold'");
  ASSERT_TRUE(annotations_.filter_state.Set(arena_, "key", "value", true));
  EXPECT_EQ(Run("string(filter_state['key'])"), "'value'");
  EXPECT_EQ(Run("'none' in filter_state"), "false");
}

TEST_F(RequestAttributesTest, Surroundings) {
  EXPECT_EQ(Run("xds.virtual_host_name + xds.node.id + xds.node.cluster + xds.node.locality.zone"), "'shopmeusz1'");
  EXPECT_EQ(Run("xds.listener_direction"), "2");
  EXPECT_EQ(Run("has(xds.node.metadata) || has(xds.listener_metadata.filter_metadata)"), "false");
  const metadata::Member keys[] = {{"class", Value::Text("gold")}};
  const Value all{.kind = Value::Kind::kObject, .size = 1, .members = keys};
  node_.metadata = &all;
  EXPECT_EQ(Run("xds.node.metadata['class']"), "'gold'");
  EXPECT_EQ(Run("response.flags == 1"), "column 10: response.flags is known only when the request is over");
  EXPECT_EQ(Run("response.flags", Moment::kEnd), "0");
}

TEST_F(RequestAttributesTest, End) {
  EXPECT_EQ(Run("has(response.code) || has(response.headers) || has(response.grpc_status)", Moment::kEnd), "false");
  has_response_ = true;
  response_.headers.Add("x-cache", "hit");
  trailers_.Add("grpc-status", "14");
  EXPECT_EQ(Run("[response.code, response.size, response.grpc_status]", Moment::kEnd), "[503, 70, 14]");
  EXPECT_EQ(Run("response.headers['x-cache'] + response.trailers['grpc-status']", Moment::kEnd), "'hit14'");
  EXPECT_EQ(Run("request.duration > duration('1s') && request.duration < duration('2s')", Moment::kEnd), "true");
  EXPECT_EQ(Run("upstream.address + string(upstream.port)", Moment::kEnd), "'192.0.2.9:8080'");
  described_ = 0;
  Run("response.code > 1 && response.size > 1 && connection.id == 1u", Moment::kEnd);
  EXPECT_EQ(described_, 1);
}

}  // namespace
}  // namespace pillion::filter

#include <gtest/gtest.h>

#include "source/filters/ratelimit/service.h"
#include "test/unit/filters/filter_config.h"
#include "test/unit/filters/ratelimit_fixture.h"

namespace pillion::test {
namespace {

TEST_F(RateLimitTest, AsksAndLetsPass) {
  Start();
  Get();
  const auto asked = Asked();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->ShortDebugString(), "domain: \"shop\" descriptors { entries { key: \"tenant\" value: \"gold\" } }");
  EXPECT_NE(head_.find("\r\nhost: rls.test\r\n"), std::string::npos) << head_;
  EXPECT_NE(head_.find("\r\nx-who: me\r\n"), std::string::npos) << head_;
  EXPECT_NE(head_.find("\r\ngrpc-timeout: 20m\r\n"), std::string::npos) << head_;
  Answer(Saying(v3::RateLimitResponse::OK));
  EXPECT_TRUE(Upstream().starts_with("GET /x HTTP/1.1\r\n"));
  EXPECT_TRUE(Pass().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(Count("ok"), 1);
  EXPECT_EQ(Count("error"), 0);
}

TEST_F(RateLimitTest, RefusesWhoIsOverALimit) {
  Start(", response_headers_to_add: [{header: {key: x-limited, value: 'yes'}}]");
  Get();
  auto answer = Saying(v3::RateLimitResponse::OVER_LIMIT);
  answer.set_raw_body("{\"slow\":\"down\"}");
  auto& type = *answer.add_response_headers_to_add();
  type.set_key("Content-Type");
  type.set_value("application/json");
  Answer(answer);
  const std::string refused = client_->Take();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 ")) << refused;
  EXPECT_TRUE(refused.ends_with("\r\n\r\n{\"slow\":\"down\"}")) << refused;
  for (const std::string line : {"content-type: application/json", "x-envoy-ratelimited: true", "x-limited: yes"}) {
    EXPECT_NE(refused.find("\r\n" + line + "\r\n"), std::string::npos) << refused;
  }
  EXPECT_EQ(refused.find("text/plain"), std::string::npos) << refused;
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 429 RL request_rate_limited 0 15 0");
  EXPECT_EQ(Count("over_limit"), 1);
}

TEST_F(RateLimitTest, AnotherStatusAndNoWordOfIt) {
  Start(", rate_limited_status: {code: 503}, disable_x_envoy_ratelimited_header: true");
  Get();
  Answer(Saying(v3::RateLimitResponse::OVER_LIMIT));
  const std::string refused = client_->Take();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused;
  EXPECT_EQ(refused.find("x-envoy-ratelimited"), std::string::npos) << refused;
  Start(", rate_limited_status: {code: 200}");  // no answer to who is refused
  Get();
  Answer(Saying(v3::RateLimitResponse::OVER_LIMIT));
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 429 "));
}

TEST_F(RateLimitTest, AnswersAGrpcCallInItsOwnWords) {
  Start();
  Get(std::string(kGold) + "content-type: application/grpc\r\n");
  Answer(Saying(v3::RateLimitResponse::OVER_LIMIT));
  EXPECT_NE(client_->Take().find("\r\ngrpc-status: 14\r\n"), std::string::npos);
  Start(", rate_limited_as_resource_exhausted: true");
  Get(std::string(kGold) + "content-type: application/grpc\r\n");
  Answer(Saying(v3::RateLimitResponse::OVER_LIMIT));
  EXPECT_NE(client_->Take().find("\r\ngrpc-status: 8\r\n"), std::string::npos);
}

TEST_F(RateLimitTest, FieldsAndNotesOfTheService) {
  Start("", {.entry = "response_headers_to_add: [{header: {key: x-note, value: '%DYNAMIC_METADATA(envoy.filters.http.ratelimit:a:b)%'}}]"});
  Get();
  EXPECT_TRUE(Asked());
  auto answer = Saying(v3::RateLimitResponse::OK);
  const auto add = [](auto* fields, const std::string& name, const std::string& value) {
    auto& field = *fields->Add();
    field.set_key(name);
    field.set_value(value);
  };
  add(answer.mutable_request_headers_to_add(), "X-To", "upstream");
  add(answer.mutable_request_headers_to_add(), "host", "evil");
  add(answer.mutable_request_headers_to_add(), "content-length", "7");
  add(answer.mutable_request_headers_to_add(), ":path", "/evil");
  add(answer.mutable_request_headers_to_add(), "x-split", "a\r\nx-evil: b");
  add(answer.mutable_response_headers_to_add(), "x-to", "downstream");
  auto& note = *(*answer.mutable_dynamic_metadata()->mutable_fields())["a"].mutable_struct_value();
  (*note.mutable_fields())["b"].set_string_value("noted");
  Answer(answer);
  const std::string request = Upstream();
  EXPECT_TRUE(request.starts_with("GET /x ")) << request;
  EXPECT_NE(request.find("\r\nx-to: upstream\r\n"), std::string::npos) << request;
  for (const std::string_view part : {"evil", "content-length", "x-split"}) EXPECT_EQ(request.find(part), std::string::npos) << request;
  const std::string response = Pass();
  EXPECT_NE(response.find("\r\nx-to: downstream\r\n"), std::string::npos) << response;
  EXPECT_NE(response.find("\r\nx-note: noted\r\n"), std::string::npos) << response;
}

TEST_F(RateLimitTest, TellsTheFigures) {
  Start(", enable_x_ratelimit_headers: DRAFT_VERSION_03");
  Get();
  EXPECT_TRUE(Asked());
  auto answer = Saying(v3::RateLimitResponse::OK);
  const auto add = [&](uint32_t limit, v3::RateLimitResponse::RateLimit::Unit unit, uint32_t remaining, int64_t reset, const char* name) {
    auto& status = *answer.add_statuses();
    status.set_code(v3::RateLimitResponse::OK);
    status.mutable_current_limit()->set_requests_per_unit(limit);
    status.mutable_current_limit()->set_unit(unit);
    status.mutable_current_limit()->set_name(name);
    status.set_limit_remaining(remaining);
    status.mutable_duration_until_reset()->set_seconds(reset);
  };
  answer.add_statuses()->set_code(v3::RateLimitResponse::OK);  // without a limit
  add(100, v3::RateLimitResponse::RateLimit::MINUTE, 90, 42, "by-tenant");
  add(9, v3::RateLimitResponse::RateLimit::SECOND, 4, 1, "odd\"name");
  Answer(answer);
  Upstream();
  const std::string response = Pass();
  EXPECT_NE(response.find("\r\nx-ratelimit-limit: 9, 100;w=60;name=\"by-tenant\", 9;w=1\r\nx-ratelimit-remaining: 4\r\nx-ratelimit-reset: 1\r\n"),
            std::string::npos)
      << response;
}

TEST_F(RateLimitTest, PassesWhereTheServiceDoesNotAnswer) {
  Start();
  Get();
  world_->Wait(19);
  EXPECT_TRUE(Asked());
  world_->Wait(1);
  EXPECT_EQ(Count("error"), 1);
  EXPECT_EQ(Count("failure_mode_allowed"), 1);
  EXPECT_TRUE(world_->upstream().peer(1).Take().starts_with("GET /x "));
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_timeout"), 1);
}

TEST_F(RateLimitTest, OrRefuses) {
  Start(", failure_mode_deny: true, timeout: 0.1s");
  Get();
  world_->Wait(99);
  EXPECT_EQ(client_->Take(), "");
  world_->Wait(1);
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 500 "));
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 500 RLSE rate_limiter_error 0 0 100");
  EXPECT_EQ(Count("error"), 1);
  EXPECT_EQ(Count("failure_mode_allowed"), 0);
  Start(", failure_mode_deny_percent: {default_value: {numerator: 100}}, status_on_error: {code: 503}");
  Get();
  world_->Wait(20);
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 503 "));
}

// Whatever is said that is no answer counts as none.
TEST_F(RateLimitTest, BadAnswers) {
  const std::string good = codec::grpc::Frame(Saying(v3::RateLimitResponse::OK).SerializeAsString());
  std::string compressed = good;
  compressed[0] = 1;
  const std::vector<std::pair<std::string, std::string>> bad = {
      {good, "13"}, {"", "0"}, {good + good, "0"}, {compressed, "0"}, {codec::grpc::Frame("\x0a"), "0"}, {std::string("\0\xff\xff\xff\xff", 5), "0"},
      {good.substr(0, 4), "0"}};
  for (const auto& [bytes, status] : bad) {
    Start(", failure_mode_deny: true");
    Get();
    EXPECT_TRUE(Asked());
    if (bytes.empty()) {
      world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n0\r\ngrpc-status: 0\r\n\r\n");
      world_->Run();
    } else {
      AnswerBytes(bytes, status);
    }
    EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 500 ")) << status << " after " << bytes.size();
    EXPECT_EQ(Count("error"), 1);
  }
}

TEST_F(RateLimitTest, AServiceThatRefusesConnections) {
  Start(", failure_mode_deny: true");
  world_->StopUpstream();
  Get();
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 500 "));
  EXPECT_EQ(Count("error"), 1);
}

TEST_F(RateLimitTest, AnAnswerInAHeadAlone) {
  Start(", failure_mode_deny: true");
  Get();
  Asked();
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 14\r\ncontent-length: 0\r\n\r\n");
  world_->Run();
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 500 "));
}

TEST_F(RateLimitTest, TheCallEndsWithTheRequest) {
  Start();
  Get();
  EXPECT_TRUE(Asked());
  client_->Reset();
  world_->Run();
  const Peer& service = world_->upstream().peer(0);
  EXPECT_TRUE(service.ended() || service.error() != 0);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_tx_reset"), 1);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
}

// What comes of it later is not waited for.
TEST_F(RateLimitTest, ARequestThatIsAnsweredMeanwhile) {
  Start(", timeout: 10s", {.hcm = "request_timeout: 1s"});
  client_->Send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n" + std::string(kGold) + "\r\n");
  world_->Run();
  EXPECT_TRUE(Asked());
  world_->Wait(1000);
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 408 "));
  const Peer& service = world_->upstream().peer(0);
  EXPECT_TRUE(service.ended() || service.error() != 0);
  EXPECT_EQ(Count("error"), 0);
}

TEST_F(RateLimitTest, TheProcessEndsDuringACall) {
  Start();
  Get();
  EXPECT_TRUE(Asked());
}

TEST_F(RateLimitTest, NotEnforced) {
  Start(", filter_enforced: {default_value: {numerator: 0}}");
  Get();
  Asked();
  Answer(Saying(v3::RateLimitResponse::OVER_LIMIT));
  EXPECT_TRUE(Upstream().starts_with("GET /x "));
  EXPECT_NE(Pass().find("\r\nx-envoy-ratelimited: true\r\n"), std::string::npos);
  EXPECT_EQ(Count("over_limit"), 1);
  Start(", filter_enabled: {default_value: {numerator: 0}}");
  Get();
  EXPECT_TRUE(Upstream().starts_with("GET /x "));
  Start();
  runtime::Value none;
  none.integer = 0;
  world_->runtime_keys().Apply({{"ratelimit.http_filter_enabled", none}});
  Get();
  EXPECT_TRUE(Upstream().starts_with("GET /x "));
}

TEST_F(RateLimitTest, WhatHasNoDescriptorIsNotAsked) {
  Start();
  Get("");
  EXPECT_TRUE(Upstream().starts_with("GET /x "));
  Pass();
  Get(kGold, "/direct");  // goes to no cluster
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 200 "));
}

TEST_F(RateLimitTest, OfWhom) {
  const std::string hcm = "internal_address_config: {cidr_ranges: [{address_prefix: 10.9.0.0, prefix_len: 16}]}";
  const std::string inside = std::string(kGold) + "x-forwarded-for: 10.9.0.1\r\n";
  for (const auto& [type, of_inside, of_outside] :
       std::vector<std::tuple<std::string, bool, bool>>{{"internal", true, false}, {"external", false, true}, {"both", true, true}}) {
    Start(", request_type: " + type, {.hcm = hcm});
    Get(inside);
    EXPECT_EQ(Asked().has_value(), of_inside) << type;
    Start(", request_type: " + type, {.hcm = hcm});
    Get();
    EXPECT_EQ(Asked().has_value(), of_outside) << type;
  }
}

TEST_F(RateLimitTest, Stages) {
  Start(", stage: 1", {.virtual_host = std::string("rate_limits: [") + kTenant + ", {stage: 1, actions: [{generic_key: {descriptor_value: one}}]}]"});
  Get();
  EXPECT_EQ(Asked()->ShortDebugString(), "domain: \"shop\" descriptors { entries { key: \"generic_key\" value: \"one\" } }");
}

TEST_F(RateLimitTest, ItsOwnRulesAndThoseOfARoute) {
  const std::string generic = "rate_limits: [{actions: [{generic_key: {descriptor_value: own}}]}]";
  Start(", " + generic);
  Get();
  EXPECT_EQ(Asked()->ShortDebugString(), "domain: \"shop\" descriptors { entries { key: \"generic_key\" value: \"own\" } }");
  Start(", " + generic, {.entry = "typed_per_filter_config: {limit: {" + std::string(kOfRoute) + ", domain: other, rate_limits: [" + kTenant + "]}}"});
  Get();
  EXPECT_EQ(Asked()->ShortDebugString(), "domain: \"other\" descriptors { entries { key: \"tenant\" value: \"gold\" } }");
}

TEST_F(RateLimitTest, TheVirtualHostsRulesAsTheRouteSays) {
  const auto asked = [this](const std::string& fields) -> int {
    Start("", {.route = "rate_limits: [{actions: [{generic_key: {descriptor_value: route}}]}]",
               .entry = "typed_per_filter_config: {limit: {" + std::string(kOfRoute) + ", " + fields + "}}"});
    Get();
    const auto message = Asked();
    return message ? message->descriptors_size() : 0;
  };
  EXPECT_EQ(asked("vh_rate_limits: OVERRIDE"), 1);
  EXPECT_EQ(asked("vh_rate_limits: INCLUDE"), 2);
  EXPECT_EQ(asked("vh_rate_limits: IGNORE"), 1);
}

TEST_F(RateLimitTest, LimitsAndHitsGoAlong) {
  ProxySettings settings;
  settings.http_filters = "- {name: note, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config, "
                          "request_rules: [{header: x-plan, on_header_present: {metadata_namespace: shop, key: plan}}]}}\n";
  settings.virtual_host = "rate_limits: [{hits_addend: {number: 3}, actions: [{metadata: {descriptor_key: plan, metadata_key: "
                          "{key: shop, path: [{key: plan}]}}}]}]";
  Start("", settings);
  Get("x-plan: gold\r\n");
  EXPECT_EQ(Asked()->ShortDebugString(), "domain: \"shop\" descriptors { entries { key: \"plan\" value: \"gold\" } hits_addend { value: 3 } }");
}

TEST_F(RateLimitTest, FiguresAsARuleSays) {
  const auto told = [this](const std::string& fields, const std::string& first, const std::string& second) {
    Start(fields, {.virtual_host = "rate_limits: [{" + first + "actions: [{generic_key: {descriptor_value: a}}]}, {" + second +
                                   "actions: [{generic_key: {descriptor_value: b}}]}]"});
    Get();
    EXPECT_EQ(Asked()->descriptors_size(), 2);
    auto answer = Saying(v3::RateLimitResponse::OK);
    for (const uint32_t limit : {10u, 5u}) {
      auto& status = *answer.add_statuses();
      status.mutable_current_limit()->set_requests_per_unit(limit);
      status.mutable_current_limit()->set_unit(v3::RateLimitResponse::RateLimit::SECOND);
      status.set_limit_remaining(limit - 1);
    }
    Answer(answer);
    Upstream();
    const std::string response = Pass();
    const size_t found = response.find("x-ratelimit-limit: ");
    return found == response.npos ? "" : response.substr(found + 19, response.find('\r', found) - found - 19);
  };
  const std::string on = ", enable_x_ratelimit_headers: DRAFT_VERSION_03";
  const std::string own_off = "x_ratelimit_option: \"OFF\", ";
  const std::string own_on = "x_ratelimit_option: DRAFT_VERSION_03, ";
  EXPECT_EQ(told(on, "", ""), "5, 10;w=1, 5;w=1");
  EXPECT_EQ(told(on, own_off, ""), "5, 5;w=1");
  EXPECT_EQ(told(on, "", own_off), "");  // the one that has the least left
  EXPECT_EQ(told("", "", ""), "");
  EXPECT_EQ(told("", "", own_on), "5, 5;w=1");
  EXPECT_EQ(told("", own_on, ""), "");
}

TEST_F(RateLimitTest, CountersOfItsOwn) {
  Start(", stat_prefix: second");
  Get();
  Asked();
  Answer(Saying(v3::RateLimitResponse::OK));
  EXPECT_EQ(Count("second.ok"), 1);
}

TEST(RateLimitService, OfALimitThatFiltersNoted) {
  const filter::DescriptorEntry entry{"k", "v"};
  const filter::Descriptor descriptor{.entries = {&entry, 1}, .hits = 2, .limit = filter::DescriptorLimit{.requests = 42, .unit = 3}};
  v3::RateLimitRequest message;
  ASSERT_TRUE(message.ParseFromString(filters::ratelimit::RequestBytes("d", {&descriptor, 1})));
  EXPECT_EQ(message.ShortDebugString(), "domain: \"d\" descriptors { entries { key: \"k\" value: \"v\" } "
                                        "limit { requests_per_unit: 42 unit: HOUR } hits_addend { value: 2 } }");
}

// What is wrong with a filter's configuration, or a route's of it.
std::string Refused(const std::string& filter, const std::string& of_route = "") {
  const std::string overrides = "typed_per_filter_config: {limit: {" + std::string(kOfRoute) + ", " + of_route + "}}";
  return test::Refused({.http_filters = "{name: limit, typed_config: {" + filter + "}}", .of_route = of_route.empty() ? "" : overrides});
}

TEST(RateLimitConfig, WhatIsNotThereIsRefusedByName) {
  std::string base(kBase);
  EXPECT_EQ(Refused(base), "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config."
                           "rate_limit_service.grpc_service.envoy_grpc.cluster_name: \"app\", which speaks HTTP/1: gRPC needs one "
                           "with http2_protocol_options\n");
  base.replace(base.find("cluster_name: app"), 17, "cluster_name: calls");
  EXPECT_EQ(Refused(base), "");
  EXPECT_EQ(Refused(base, "override_option: DEFAULT"), "");
  EXPECT_NE(Refused(base, "override_option: INCLUDE_POLICY").find("override_option: is not implemented"), std::string::npos);
  EXPECT_NE(Refused(base + ", request_type: inside").find("\"inside\", expected internal, external or both"), std::string::npos);
  EXPECT_NE(Refused(base + ", stage: 11").find("stage"), std::string::npos);
  const size_t name = base.find("cluster_name: calls");
  EXPECT_NE(Refused(std::string(base).replace(name, 19, "cluster_name: apq")).find("unknown cluster 'apq'"), std::string::npos);
}

}  // namespace
}  // namespace pillion::test

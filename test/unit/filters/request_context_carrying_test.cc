// Whose context the filter takes, what it remembers of it, and what filters behind it may change.

#include "source/filters/request_context/malformed_log.h"
#include "source/filters/request_context/process.h"
#include "test/unit/filters/request_context_fixture.h"

namespace pillion::test {
namespace {

// The connection manager has decided it, and said so in the id that it made.
TEST_F(RequestContextTest, AStrangerSRequestIsTracedAllTheSame) {
  for (const std::string percent : {"0", "100"}) {
    Start({.hcm = "generate_request_id: true\nuse_remote_address: true\ntracing: {random_sampling: {value: " + percent +
                  "}}"},
          "direction: INBOUND");
    Send(Get("x-request-id: 7b2d4a34-0d9c-4a0e-8a37-2f4c5d6e7f80\r\n"));
    const std::string id = Field(upstream().received(), "x-request-id");
    ASSERT_EQ(id.size(), 36u);
    EXPECT_EQ(id[14], percent == "0" ? '4' : '9');
  }
}

std::string PerRoute(const std::string& type, const std::string& fields) {
  return "typed_per_filter_config: {context: {\"@type\": type.googleapis.com/" + type + ", " + fields + "}}";
}

// What a choice of weighted clusters says.
ProxySettings OfChoice(const std::string& word) {
  return {.first_routes = "- match: {prefix: /}\n  route:\n    timeout: 0s\n    weighted_clusters:\n      clusters:\n"
                          "      - {name: app, weight: 1, " + word + "}"};
}

// Whoever says so: he may have chosen where that is said.
TEST_F(RequestContextTest, AStrangerSFieldsAreReplacedWhereItIsDisabled) {
  const std::string off = PerRoute("envoy.config.route.v3.FilterConfig", "disabled: true");
  const std::string own = PerRoute("pillion.filters.http.context.v1.ContextPerRoute", "disabled: true");
  const std::string in_chain = "  disabled: true\n";
  const std::pair<ProxySettings, std::string> all[] = {
      {{.entry = off}, ""}, {{.virtual_host = off}, ""}, {{.table = off}, ""}, {OfChoice(off), ""},
      {{.entry = own}, ""}, {OfChoice(own), ""},         {{}, in_chain}};
  for (const auto& [settings, more] : all) {
    SCOPED_TRACE(settings.entry + settings.virtual_host + settings.table + settings.first_routes + more);
    for (const bool trusted : {false, true}) {
      Start(settings, trusted ? kTrusting : "direction: INBOUND", more);
      Send(Get(std::string(kTrace) + "x-tenant: acme\r\nx-timeout-ms: 100\r\n"));
      const std::string head = upstream().received();
      EXPECT_EQ(Field(head, "x-tenant"), trusted ? "acme" : "");
      EXPECT_EQ(head.find(kTrace) != std::string::npos, trusted);
      EXPECT_EQ(Field(head, "traceparent").size(), 55u);
      EXPECT_EQ(Field(head, "x-vivo-context").empty(), trusted);
      EXPECT_EQ(stat("untrusted"), trusted ? 0 : 1);
      world_->Wait(200);
      EXPECT_EQ(client_->received(), "");  // nothing holds
    }
  }
}

TEST_F(RequestContextTest, ADisabledOneIsEnabledByARoute) {
  const std::string on = PerRoute("envoy.config.route.v3.FilterConfig", "config: {}");
  for (const bool trusted : {false, true}) {
    Start({.entry = on}, trusted ? kTrusting : "direction: INBOUND", "  disabled: true\n");
    Send(Get("x-timeout-ms: 100\r\n"));
    world_->Wait(100);
    EXPECT_EQ(Status(), "HTTP/1.1 504");
  }
}

TEST_F(RequestContextTest, WhatAChoiceOfWeightedClustersSaysHoldsForEverybody) {
  for (const std::string trust : {"direction: INBOUND", kTrusting.c_str()}) {
    Start(OfChoice(PerRoute("pillion.filters.http.context.v1.ContextPerRoute", "max_deadline: 0.1s")), trust);
    Send(Get("x-timeout-ms: 900\r\n"));
    EXPECT_EQ(Told(), "100");
  }
}

TEST_F(RequestContextTest, MalformedOnesAreInTheLogNowAndThen) {
  static Lines lines;
  static constexpr filters::request_context::MalformedLog kLines{
      .wants = [] { return true; },
      .write = [](std::string_view line) { lines.emplace_back(line); }};
  filters::request_context::SetMalformedLog(&kLines);
  lines.clear();
  Start({}, "direction: OUTBOUND, on_malformed: REJECT");
  const std::string both = "x-timeout-ms: x\r\nx-vivo-context: !\r\n";
  for (int i = 0; i < 3; ++i) Send(Get(both, "/a" + std::string(300, 'b')));
  EXPECT_EQ(lines.size(), 1u);
  world_->Wait(1000);
  Send(Get("x-timeout-ms: x\r\n"));
  filters::request_context::SetMalformedLog(nullptr);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].starts_with("vctx,timeout: GET /a" + std::string(198, 'b') + "... from 127.0.0.1:")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("timeout: GET / from 127.0.0.1:")) << lines[1];
  EXPECT_TRUE(lines[1].ends_with(" (and 2 others meanwhile)")) << lines[1];
}

TEST_F(RequestContextTest, WhatIsInFlight) {
  using filters::request_context::Active;
  world_.reset();
  EXPECT_FALSE(Active::Read());
  Start({.workers = 2});
  EXPECT_EQ(Active::Read()->requests, 0u);
  EXPECT_FALSE(Active::Read()->oldest);
  Send(Get("x-timeout-ms: 100\r\n"));
  const base::MonotonicTime first = world_->worker().now();
  world_->Wait(10);
  const std::unique_ptr<Peer> other = world_->Connect();  // the other worker's
  other->Send(Get(""));
  world_->Run();
  Active active = *Active::Read();
  EXPECT_EQ(active.requests, 2u);
  EXPECT_EQ(active.with_deadline, 1u);
  EXPECT_EQ(active.oldest->began, first);
  EXPECT_EQ(active.oldest->deadline, first + std::chrono::milliseconds(100));
  world_->Wait(90);
  active = *Active::Read();
  EXPECT_EQ(active.requests, 1u);
  EXPECT_EQ(active.with_deadline, 0u);
  EXPECT_EQ(active.oldest->began, first + std::chrono::milliseconds(10));
  EXPECT_FALSE(active.oldest->deadline);
  Send(Get("x-timeout-ms: 0\r\n"));  // it never is
  EXPECT_EQ(Active::Read()->requests, 1u);
}

// How long what has ended is still known. Each of the two has a proxy of its own here, and they share the process's table.
TEST_F(RequestContextTest, TheGraceOfCorrelation) {
  Start({}, kTrusting + "correlation_grace: 2s");
  Send(Get(std::string(kTrace) + "x-tenant: acme\r\n"));
  Answer(kAnswer);  // it ends at the world's beginning
  const auto restored = [](int64_t after) {
    ProxyWorld out({.http_filters = Filter("direction: OUTBOUND")});
    const std::unique_ptr<Peer> client = out.Connect();
    out.Wait(after);
    client->Send(Get(kTrace));
    out.Run();
    return out.stat("http.in.context.restored");
  };
  EXPECT_EQ(restored(0), 1);
  EXPECT_EQ(restored(1999), 1);
  EXPECT_EQ(restored(2000), 0);
}

// Its own: requests of other tests are still known, which began at the same time of other worlds.
std::string TraceOf(char test) {
  return "traceparent: 00-" + std::string(32, test) + "-00f067aa0ba902b7-01\r\n";
}

// What an outbound request with that trace gets back: the baggage.
std::string Restored(const std::string& trace) {
  ProxyWorld out({.http_filters = Filter("direction: OUTBOUND")});
  const std::unique_ptr<Peer> client = out.Connect();
  client->Send(Get(trace));
  out.Run();
  return Field(out.upstream().peer(0).received(), "baggage");
}

TEST_F(RequestContextTest, FiltersBehindItSetBaggage) {
  Start({}, kTrusting);
  Send(Get(TraceOf('1') + "baggage: env=blue,a=1\r\nx-set: env=gray\r\n"));
  EXPECT_EQ(painter_->outcome, Painter::Outcome::kSet);
  EXPECT_TRUE(painter_->trusted);
  EXPECT_EQ(Field(upstream().received(), "baggage"), "env=gray,a=1");
  EXPECT_EQ(Restored(TraceOf('1')), "env=gray,a=1");
  EXPECT_EQ(painter_->copied, "a=1");
  EXPECT_EQ(stat("left_out"), 0);
}

TEST_F(RequestContextTest, OrTakeItAway) {
  Start({}, kTrusting);
  Send(Get(TraceOf('2') + "baggage: env=blue,a=1\r\nx-set: env=\r\n"));
  EXPECT_EQ(Field(upstream().received(), "baggage"), "a=1");
  EXPECT_EQ(Restored(TraceOf('2')), "a=1");
}

TEST_F(RequestContextTest, BaggageThatHasNoRoomIsNotSet) {
  Start({}, kTrusting);
  Send(Get(TraceOf('3') + "baggage: a=1\r\nx-set: env=" + std::string(1100, 'x') + "\r\n"));
  EXPECT_EQ(painter_->outcome, Painter::Outcome::kRefused);
  EXPECT_EQ(Field(upstream().received(), "baggage"), "a=1");
  EXPECT_EQ(Restored(TraceOf('3')), "a=1");
}

TEST_F(RequestContextTest, AStrangerSRequestHasOneToo) {
  Start({}, "direction: INBOUND");
  Send(Get("baggage: a=1\r\nx-set: env=gray\r\n"));
  EXPECT_EQ(painter_->outcome, Painter::Outcome::kSet);
  EXPECT_FALSE(painter_->trusted);
  EXPECT_EQ(Field(upstream().received(), "baggage"), "env=gray");
}

// Of a stranger's there is something to take away.
TEST_F(RequestContextTest, WhereItIsDisabledNothingIsAdded) {
  Start({.entry = PerRoute("pillion.filters.http.context.v1.ContextPerRoute", "disabled: true")},
        "direction: INBOUND, edge: {baggage: [a, env]}");
  Send(Get("baggage: a=1,env=blue\r\nx-set: env=gray\r\n"));
  EXPECT_EQ(painter_->outcome, Painter::Outcome::kRefused);
  EXPECT_EQ(Field(upstream().Take(), "baggage"), "a=1,env=blue");
  upstream().Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  world_->Run();
  Send(Get("baggage: a=1,env=blue\r\nx-set: env=\r\n"));
  EXPECT_EQ(painter_->outcome, Painter::Outcome::kSet);
  EXPECT_EQ(Field(upstream().Take(), "baggage"), "a=1");
}

TEST_F(RequestContextTest, WhereItIsDisabledNoneIsCarried) {
  Start({.entry = PerRoute("pillion.filters.http.context.v1.ContextPerRoute", "disabled: true")}, kTrusting);
  Send(Get("x-set: env=gray\r\n"));
  EXPECT_EQ(painter_->outcome, Painter::Outcome::kNoContext);
}

// By what was noted before as well.
TEST_F(RequestContextTest, RoutesGoByWhatWasSet) {
  const std::string match = "match: {prefix: /, dynamic_metadata: [{filter: pillion.context, path: [{key: baggage}, "
                            "{key: env}], value: {string_match: {exact: gray}}}]}";
  Start({.first_routes = "- " + match + "\n  direct_response: {status: 299}\n"}, kTrusting);
  Send(Get("baggage: env=blue\r\nx-set: env=gray\r\n"));
  EXPECT_EQ(Status(), "HTTP/1.1 299");
}

TEST_F(RequestContextTest, EveryWorkerHasTheSameTable) {
  ProxyWorld in({.http_filters = Filter(kTrusting),
                 .workers = 2});
  const auto ask = [](ProxyWorld& world, std::string fields) {
    const std::unique_ptr<Peer> client = world.Connect();
    client->Send(Get(fields));
    world.Run();
    for (const auto& peer : world.upstream().peers()) {
      if (peer->received().empty()) continue;
      const std::string head = peer->Take();
      peer->Send(kAnswer);
      world.Run();
      return head;
    }
    return std::string();
  };
  const auto id = [](int i) { return "x-request-id: of-worker-" + std::to_string(i) + "\r\n"; };
  for (int i = 0; i < 4; ++i) ask(in, id(i) + "baggage: n=" + std::to_string(i) + "\r\n");
  ProxyWorld out({.http_filters = Filter("direction: OUTBOUND"), .workers = 2});
  for (int i = 0; i < 4; ++i) {
    const std::string head = ask(out, id(i));
    EXPECT_EQ(Field(head, "baggage"), "n=" + std::to_string(i)) << head;
  }
}

}  // namespace
}  // namespace pillion::test

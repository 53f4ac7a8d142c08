// The context filter to the millisecond: what is told, what holds, and when it ends. What it makes of fields:
// test/unit/context/; with real peers: test/e2e/test_request_context.py.

#include <gtest/gtest.h>

#include <algorithm>

#include "source/filters/request_context/malformed_log.h"
#include "source/filters/request_context/process.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Lines = std::vector<std::string>;

constexpr char kTrace[] = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
constexpr char kRefused[] = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
constexpr char kRedirect[] = "HTTP/1.1 302 Found\r\nlocation: http://h/there\r\ncontent-length: 0\r\n\r\n";
constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
constexpr char kLog[] =
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(pillion.context:cancel_reason)%";

std::string Get(const std::string& fields, const std::string& path = "/") {
  return "GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n";
}

// Of the last head in `bytes`; empty: it is not there.
std::string Field(const std::string& bytes, const std::string& name) {
  const size_t head = bytes.rfind("HTTP/1.1\r\n");
  const size_t at = head == std::string::npos ? head : bytes.find("\r\n" + name + ": ", head);
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 4;
  return bytes.substr(begin, bytes.find("\r\n", begin) - begin);
}

std::string Filter(const std::string& fields) {
  return "- name: context\n  typed_config:\n    {\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context, " +
         fields + "}\n";
}

std::string Retries(const std::string& back_off, const std::string& more = "") {
  return "timeout: 0s\nretry_policy: {retry_on: 5xx, num_retries: 9, " + more + "retry_back_off: {" + back_off + "}}";
}

// An inbound listener's.
const std::string kTrusting = "direction: INBOUND, trust: {addresses: [{address_prefix: 0.0.0.0, prefix_len: 0}]}, ";

// A filter behind it that sets an entry of the baggage, as the field x-set says: key=value. What became of it: `set`.
struct Painter final : filter::HttpFilterConfig {
  enum class Outcome { kNone, kNoContext, kRefused, kSet };
  mutable Outcome outcome = Outcome::kNone;
  mutable bool trusted = false;
  mutable std::string copied;  // the field baggage of a copy without that entry

  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext&) const override;
};

std::string_view ValueOf(const http::HeaderMap& headers) {
  const http::HeaderField* const field = headers.Find("x-set");
  return field == nullptr ? std::string_view() : field->value();
}

struct Painting final : filter::HttpFilter {
  explicit Painting(const Painter& config) : config(config) {}
  filter::Step OnRequestHead(http::RequestHead& head, bool) override {
    const std::string_view text = ValueOf(head.headers);
    filter::CarriedContext* const carried = stream().carried_context();
    config.outcome = Painter::Outcome::kNoContext;
    if (carried == nullptr) return filter::Step::kContinue;
    config.trusted = carried->trusted();
    const size_t equals = text.find('=');
    const std::string_view value = text.substr(equals + 1);
    const context::Baggage::Entry entry{text.substr(0, equals), value, static_cast<uint32_t>(value.size())};
    config.outcome = carried->SetBaggage({&entry, 1}) ? Painter::Outcome::kSet : Painter::Outcome::kRefused;
    http::HeaderMap copy(stream().arena());
    const context::Baggage::Entry none{entry.key, "", 0};
    carried->InjectInto(copy, {&none, 1});
    config.copied = copy.Get(http::HeaderId::kBaggage);
    return filter::Step::kContinue;
  }
  const Painter& config;
};

struct PainterShard final : filter::HttpFilterShard {
  explicit PainterShard(const Painter& config) : config(config) {}
  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override {
    return ValueOf(stream.request().headers).empty() ? nullptr : stream.arena().New<Painting>(config);
  }
  const Painter& config;
};

std::unique_ptr<filter::HttpFilterShard> Painter::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<PainterShard>(*this);
}

class RequestContextTest : public testing::Test {
 protected:
  // The application's way out, where everybody is trusted, if nothing else is said. `more`: of its place in the chain.
  void Start(ProxySettings settings = {}, const std::string& fields = "direction: OUTBOUND", const std::string& more = "") {
    client_.reset();
    settings.http_filters = Filter(fields) + more;
    settings.further_filters = {{"painter", painter_}};
    settings.filter_log = kLog;
    if (settings.route.find("timeout") == std::string::npos) settings.route += "timeout: 0s";
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  void Send(const std::string& bytes) {
    client_->Send(bytes);
    world_->Run();
  }
  void Answer(const std::string& bytes, size_t connection = 0) {
    upstream(connection).Send(bytes);
    world_->Run();
  }
  Peer& upstream(size_t connection = 0) { return world_->upstream().peer(connection); }
  std::string Told(size_t connection = 0) { return Field(upstream(connection).received(), "x-timeout-ms"); }
  std::string Status() { return client_->received().substr(0, 12); }
  std::string Line() {
    const Lines lines = world_->TakeLog();
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }
  int64_t stat(const std::string& name) { return world_->stat("http.in.context." + name); }

  const std::shared_ptr<Painter> painter_ = std::make_shared<Painter>();
  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(RequestContextTest, TimeCountsFromTheFirstByte) {
  Start();
  Send("GET / HTTP/1.1\r\nhost: h\r\n");
  world_->Wait(60);
  Send("x-timeout-ms: 100\r\n\r\n");
  EXPECT_EQ(Told(), "40");
  world_->Wait(39);
  EXPECT_EQ(client_->received(), "");
  world_->Wait(1);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
  EXPECT_NE(client_->received().find("\r\nx-pillion-cancel-reason: timeout\r\n"), std::string::npos);
  EXPECT_TRUE(upstream().ended() || upstream().error() != 0);
  EXPECT_EQ(Line(), "504 UT request_context_deadline_exceeded timeout");
  EXPECT_EQ(stat("deadline_exceeded"), 1);
}

TEST_F(RequestContextTest, AHeadThatComesTooSlowlyIsLate) {
  Start();
  Send("GET / HTTP/1.1\r\nhost: h\r\n");
  world_->Wait(100);
  Send("x-timeout-ms: 100\r\n\r\n");
  EXPECT_EQ(Status(), "HTTP/1.1 504");
  EXPECT_EQ(world_->upstream().size(), 0u);
  EXPECT_EQ(Line(), "504 DT request_context_expired timeout");
}

TEST_F(RequestContextTest, LessThanIsUseful) {
  Start({}, "direction: OUTBOUND, min_useful_ms: 50");
  Send(Get("x-timeout-ms: 49\r\n"));
  EXPECT_EQ(Line(), "504 DT request_context_too_little_time_left timeout");
  Send(Get("x-timeout-ms: 50\r\n"));
  EXPECT_EQ(Told(), "50");
}

TEST_F(RequestContextTest, AnAnswerInTimeIsUntouched) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  world_->Wait(99);
  Answer(kAnswer);
  EXPECT_EQ(Status(), "HTTP/1.1 200");
  world_->Wait(100);
  EXPECT_EQ(Line(), "200 - via_upstream -");
  EXPECT_EQ(stat("deadline_exceeded"), 0);
}

TEST_F(RequestContextTest, AttemptsAreToldWhatIsLeft) {
  Start({.route = Retries("base_interval: 0.010s, max_interval: 0.010s")});
  Send(Get("x-timeout-ms: 100\r\n"));
  EXPECT_EQ(Told(), "100");
  upstream().Take();
  world_->Wait(30);
  Answer(kRefused);
  world_->Wait(10);  // the longest pause
  const int second = std::stoi(Told());
  EXPECT_LE(second, 70);
  EXPECT_GE(second, 60);
  upstream().Take();
  world_->Wait(60 - 1);
  EXPECT_EQ(client_->received(), "");
  world_->Wait(1);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
  EXPECT_EQ(Line(), "504 UT request_context_deadline_exceeded timeout");
}

TEST_F(RequestContextTest, ThePauseBeforeAnAttemptIsWithinTheDeadline) {
  Start({.route = Retries("base_interval: 60s, max_interval: 60s")});
  Send(Get("x-timeout-ms: 100\r\n"));
  Answer(kRefused);
  world_->Wait(100);
  EXPECT_EQ(Line(), "504 UT request_context_deadline_exceeded timeout");
}

TEST_F(RequestContextTest, TheRouteShortensWhatIsToldAndEndsAsItDoes) {
  Start({.route = "timeout: 0.05s"});
  Send(Get("x-timeout-ms: 100\r\n"));
  EXPECT_EQ(Told(), "50");
  world_->Wait(50);
  EXPECT_EQ(Line(), "504 UT response_timeout timeout");
  EXPECT_EQ(client_->received().find("x-pillion-cancel-reason"), std::string::npos);
  EXPECT_EQ(stat("deadline_exceeded"), 0);
}

TEST_F(RequestContextTest, ATryShortensWhatItIsTold) {
  Start({.route = Retries("base_interval: 0.001s", "per_try_timeout: 0.060s, ")});
  Send(Get("x-timeout-ms: 100\r\nx-deadline: 1767225600100000000\r\n"));
  EXPECT_EQ(Told(), "60");
  EXPECT_EQ(Field(upstream().received(), "x-deadline"), "1767225600060000000");
  world_->Wait(61);  // the pause is a millisecond at most
  ASSERT_EQ(world_->upstream().size(), 2u);
  EXPECT_GE(std::stoi(Told(1)), 39);
  EXPECT_LE(std::stoi(Told(1)), 40);
  EXPECT_EQ(Field(upstream(1).received(), "x-deadline"), "1767225600100000000");  // it was longer than the try
}

// Its timeout begins when the request has ended.
TEST_F(RequestContextTest, ARequestThatStillComesIsNotShortenedByTheRoute) {
  Start({.route = "timeout: 0.05s"});
  Send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\nx-timeout-ms: 100\r\n\r\nab");
  EXPECT_EQ(Told(), "100");
}

TEST_F(RequestContextTest, TheDeadlineHoldsForARequestThatStillComes) {
  Start();
  Send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\nx-timeout-ms: 100\r\n\r\nab");
  world_->Wait(100);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
}

TEST_F(RequestContextTest, AnAnswerThatHasBegunIsBroken) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  Answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
  world_->Wait(100);
  EXPECT_TRUE(client_->received().ends_with("2\r\nhi\r\n"));
  EXPECT_TRUE(client_->ended() || client_->error() != 0);
  EXPECT_EQ(Line(), "200 UT request_context_deadline_exceeded timeout");
}

TEST_F(RequestContextTest, ACallOfGrpcEndsWithTrailers) {
  for (const bool trailers : {true, false}) {
    Start({.hcm = trailers ? "http_protocol_options: {enable_trailers: true}" : ""});
    Send("POST / HTTP/1.1\r\nhost: h\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\ngrpc-timeout: 100m\r\n\r\n");
    EXPECT_EQ(Field(upstream().received(), "grpc-timeout"), "100m");
    EXPECT_EQ(Told(), "");
    Answer("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
    world_->Wait(100);
    const std::string_view end = "0\r\ngrpc-status: 4\r\ngrpc-message: the deadline of the request has passed\r\n\r\n";
    // Where there are none it is not ended as if it were whole.
    EXPECT_TRUE(client_->received().ends_with(trailers ? end : "2\r\nhi\r\n")) << client_->received();
    EXPECT_EQ(client_->ended() || client_->error() != 0, !trailers);
  }
}

// Without the time that was lost on the way to the redirect being counted twice.
TEST_F(RequestContextTest, ARedirectThatIsFollowedKeepsTheDeadline) {
  Start({.route = "timeout: 0.09s\ninternal_redirect_policy: {max_internal_redirects: 2}"}, "direction: INBOUND");
  Send(Get(std::string(kTrace) + "x-timeout-ms: 200\r\n"));
  const std::string trace = Field(upstream().received(), "traceparent");
  for (const char* left : {"90", "90", "60"}) {  // the route's begins anew with each
    Peer& last = *world_->upstream().peers().back();
    EXPECT_EQ(Field(last.received(), "x-timeout-ms"), left);
    EXPECT_EQ(Field(last.received(), "traceparent"), trace);
    last.Take();
    world_->Wait(69);
    last.Send(kRedirect);
    world_->Wait(1);  // in a turn of its own
  }
  EXPECT_EQ(Status(), "HTTP/1.1 504");
  EXPECT_EQ(stat("clock_skewed"), 0);
  EXPECT_EQ(stat("untrusted"), 1);
}

TEST_F(RequestContextTest, ATunnelThatStandsLasts) {
  Start({.hcm = "upgrade_configs: [{upgrade_type: websocket}]"});
  const std::string upgrade = Get("connection: upgrade\r\nupgrade: websocket\r\nx-timeout-ms: 100\r\n");
  Send(upgrade);
  world_->Wait(99);
  Answer("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  world_->Wait(1000);
  client_->Take();
  Answer("hello");
  EXPECT_EQ(client_->received(), "hello");

  client_ = world_->Connect();
  Send(upgrade);
  world_->Wait(100);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
}

TEST_F(RequestContextTest, WhoGoesAway) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  client_->Reset();
  world_->Run();
  EXPECT_EQ(Line(), "0 DC downstream_remote_disconnect cancel");
  EXPECT_EQ(stat("cancelled"), 1);
  world_->Wait(200);
  EXPECT_EQ(stat("deadline_exceeded"), 0);
}

TEST_F(RequestContextTest, WhatIsBehindFails) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  upstream().Reset();
  world_->Run();
  const std::string line = Line();
  EXPECT_TRUE(line.starts_with("503 UC") && line.ends_with(" error")) << line;
}

// Whether the request itself was answered or not. The copy's host, which may have been in time, is not judged by it.
TEST_F(RequestContextTest, ACopyEndsAtTheDeadlineToo) {
  for (const bool answered : {true, false}) {
    Start({.route = "timeout: 0s\nrequest_mirror_policies: [{cluster: app}]"});
    Send(Get("x-timeout-ms: 100\r\n"));
    EXPECT_EQ(Told(1), "100");
    EXPECT_NE(upstream(1).received().find("host: h-shadow"), std::string::npos);
    if (answered) Answer(kAnswer);
    world_->Wait(99);
    EXPECT_FALSE(upstream(1).ended() || upstream(1).error() != 0);
    world_->Wait(1);
    EXPECT_TRUE(upstream(1).ended() || upstream(1).error() != 0);
    EXPECT_EQ(Status(), answered ? "HTTP/1.1 200" : "HTTP/1.1 504");
    EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
    EXPECT_EQ(world_->stat("cluster.app.upstream_rq_timeout"), 0);
  }
}

TEST_F(RequestContextTest, ClocksThatJumpDoNotMoveIt) {
  Start();
  Send(Get("x-timeout-ms: 100\r\n"));
  world_->simulation().clock().JumpWall(std::chrono::hours(1));
  world_->Wait(99);
  EXPECT_EQ(client_->received(), "");
  world_->Wait(1);
  EXPECT_EQ(Status(), "HTTP/1.1 504");
}

// Of the caller's clock against ours: shown from 50 ms on; up to 2 ms it is none.
TEST_F(RequestContextTest, ClockSkew) {
  Start();
  const auto told = [&](int64_t milliseconds) {
    Send(Get("x-timeout-ms: 100\r\nx-deadline: " + std::to_string(1767225600'000 + milliseconds) + "000000\r\n"));
    const std::string left = Told();
    upstream().Take();
    Answer(kAnswer);
    return left;
  };
  EXPECT_EQ(told(102), "102");
  EXPECT_EQ(told(98), "98");
  EXPECT_EQ(told(103), "100");
  EXPECT_EQ(told(50), "100");
  EXPECT_EQ(stat("clock_skewed"), 0);
  EXPECT_EQ(told(151), "100");
  EXPECT_EQ(told(-5000), "100");
  EXPECT_EQ(stat("clock_skewed"), 2);
}

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
  const std::string on = PerRoute("envoy.config.route.v3.FilterConfig", "disabled: false");
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

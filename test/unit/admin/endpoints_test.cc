#include "source/admin/endpoints.h"

#include <gtest/gtest.h>

namespace pillion::admin {
namespace {

class EndpointsTest : public ::testing::Test {
 protected:
  EndpointsTest() {
    sources_.version = "abc/0.1.0/Clean/RELEASE/OpenSSL";
    sources_.node.id = "node<1>";
    sources_.command_line = {{"concurrency", uint64_t{2}}, {"config_path", std::string("a.yaml")}, {"flag", true},
                              {"list", std::vector<std::string>{"a", "b"}}};
    sources_.state = [this] { return state_; };
    sources_.uptime = [] { return std::chrono::seconds(123); };
    sources_.clusters = [this] { return clusters_; };
    sources_.listeners = [] {
      return std::vector<ListenerView>{{"in", config::SocketAddress{"127.0.0.1", false, 8080}},
                                       {"six", config::SocketAddress{"::1", true, 81}, "listen: taken"},
                                       {"pipe", config::UnixPath{"/run/x.sock"}}};
    };
    sources_.unready = [this] { return unready_; };
    sources_.config_dump = [this](const ConfigDumpQuery& query) -> absl::StatusOr<std::string> {
      dump_query_ = query;
      if (query.resource == "wrong") return absl::NotFoundError("wrong not found in config dump");
      return "{}\n";
    };
    sources_.explain = [](const auto& parameters, bool json) -> absl::StatusOr<std::string> {
      std::string text = json ? "json" : "text";
      for (const auto& [name, value] : parameters) {
        if (name == "wrong") return absl::InvalidArgumentError("wrong: no such parameter");
        text += " " + name + "=" + value;
      }
      return text;
    };
    sources_.guard = [](bool json) { return json ? "json" : "text"; };
    sources_.forget_refused = [] { return size_t{3}; };
    sources_.last_good = [this] { return last_good_; };
    sources_.context = [this] { return context_; };
    sources_.limits = [this] { return limits_; };
    sources_.breakers = [this] { return breakers_; };
    sources_.runtime = [] {
      return RuntimeView{.layers = {"fixed", "admin"}, .entries = {{"a.b", {"1", "\"2\""}, "\"2\""}}};
    };
    sources_.modify_runtime = [this](const std::vector<std::pair<std::string, std::string>>& changes) -> absl::Status {
      if (changes[0].first == "refused") return absl::FailedPreconditionError("No admin layer specified");
      for (const auto& [name, value] : changes) done_ += name + "=" + value + ";";
      return absl::OkStatus();
    };
    sources_.reload = [this](const std::string& text, const std::string& name) {
      done_ += name + ":" + text;
      return reload_;
    };
    sources_.fail_healthcheck = [this](bool fail) { state_ = fail ? State::kDraining : State::kLive; };
    sources_.drain_listeners = [this](const DrainQuery& query) {
      drain_query_ = query;
      return absl::OkStatus();
    };
    sources_.quit = [this] { done_ += "quit"; };
    sources_.reopen_logs = [this] { done_ += "reopen"; };
    sources_.log_levels = [this] { return std::vector<std::pair<std::string, std::string>>{{"main", level_}}; };
    sources_.set_log_level = [this](const std::string& logger, const std::string& level) {
      if (!logger.empty() && logger != "main")
        return absl::InvalidArgumentError("unknown logger \"" + logger + "\"");
      level_ = level;
      return absl::OkStatus();
    };
    ClusterView cluster;
    cluster.name = "be";
    cluster.observability_name = "be_alt";
    cluster.high_priority.max_connections = 7;
    HostView host;
    host.address = config::SocketAddress{"192.0.2.1", false, 80};
    host.hostname = "be.example";
    host.rq_total = 9;
    host.rq_active = 1;
    host.weight = 3;
    host.locality.zone = "z1";
    cluster.hosts.push_back(host);
    clusters_.push_back(cluster);
  }

  Reply Ask(std::string method, std::string_view target, std::string body = "") {
    Request request;
    request.body = std::move(body);
    request.method = std::move(method);
    EXPECT_TRUE(ParseTarget(target, request));
    return endpoints_.Answer(request);
  }
  Reply Get(std::string_view target) { return Ask("GET", target); }
  Reply GetAs(std::string_view target, std::string accept) {
    Request request;
    request.method = "GET";
    request.accept = std::move(accept);
    EXPECT_TRUE(ParseTarget(target, request));
    return endpoints_.Answer(request);
  }
  Reply Post(std::string_view target) { return Ask("POST", target); }

  Sources sources_;
  stats::Registry stats_{1};
  Endpoints endpoints_{sources_, stats_};
  std::vector<ClusterView> clusters_;
  std::optional<LastGoodView> last_good_;
  std::optional<ContextView> context_;
  std::vector<LimitView> limits_;
  std::vector<BreakersView> breakers_;
  State state_ = State::kLive;
  ConfigDumpQuery dump_query_;
  DrainQuery drain_query_;
  std::vector<UnreadyView> unready_;
  std::string done_;
  std::string level_ = "info";
  ReloadView reload_;
};

TEST_F(EndpointsTest, LastGood) {
  EXPECT_EQ(Get("/last_good").status, 404);
  EXPECT_EQ(Get("/last_good?format=xml").status, 400);
  last_good_ = LastGoodView{.path = "/run/state", .refused = "is damaged"};
  EXPECT_EQ(Get("/last_good").body,
            "/run/state: nothing is in it\n"
            "the file of the start is not used: it is damaged\n"
            "without secrets that stand in resources: include_secrets is not set\n");
  last_good_ = LastGoodView{.path = "/run/state",
                            .include_secrets = true,
                            .written = "2026-01-01T00:00:00Z",
                            .age = "3 h 12 min",
                            .age_s = 11520,
                            .last_write = LastGoodView::Write{"2026-01-01T00:00:00Z", 12, 345, ""},
                            .sections = {{.source = "ads:cp",
                                          .kind = "listeners",
                                          .resources = {{"a\nb", "7", true}, {"c", "8", false}},
                                          .left_out = {{"d", "it has a ttl"}},
                                          .not_used = {{"c", "is bad"}}}}};
  EXPECT_EQ(Get("/last_good").body,
            "/run/state: written 2026-01-01T00:00:00Z, 3 h 12 min ago\n"
            "last write: 2026-01-01T00:00:00Z, 345 bytes in 12 ms\n"
            "listeners of ads:cp: 2\n"
            "  a\\nb, version 7, in use\n"
            "  c, version 8\n"
            "  d: left out: it has a ttl\n"
            "  c: not used: is bad\n");
  const std::string json = Get("/last_good?format=json").body;
  for (const std::string part :
       {R"("path": "/run/state")", R"("include_secrets": true)", R"("age_seconds": "11520")", R"("bytes": "345")",
        R"("in_use": true)", R"("why": "it has a ttl")", R"("source": "ads:cp")", R"("kind": "listeners")"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  }
  EXPECT_EQ(json.find("refused"), std::string::npos);
  last_good_->last_write->error = "disk full";
  EXPECT_NE(Get("/last_good").body.find("last write: 2026-01-01T00:00:00Z, failed: disk full\n"), std::string::npos);
  EXPECT_NE(Get("/last_good?format=json").body.find(R"("error": "disk full")"), std::string::npos);
}

TEST_F(EndpointsTest, Ready) {
  EXPECT_EQ(Get("/ready").status, 200);
  EXPECT_EQ(Get("/ready").body, "LIVE\n");
  EXPECT_EQ(Post("/healthcheck/fail").body, "OK\n");
  EXPECT_EQ(Get("/ready").status, 503);
  EXPECT_EQ(Get("/ready").body, "DRAINING\n");
  EXPECT_EQ(Post("/healthcheck/ok").status, 200);
  EXPECT_EQ(Get("/ready").status, 200);
  state_ = State::kPreInitializing;
  EXPECT_EQ(Get("/ready").body, "PRE_INITIALIZING\n");
}

TEST_F(EndpointsTest, Reload) {
  EXPECT_EQ(Ask("GET", "/api/reload").status, 405);
  EXPECT_EQ(Endpoints::RoleFor("/api/reload"), config::AdminRole::kWrite);
  Reply reply = Ask("POST", "/api/reload?name=a.yaml", "static_resources: {}");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(done_, "a.yaml:static_resources: {}");
  EXPECT_NE(reply.body.find("\"refused\": []"), reply.body.npos) << reply.body;

  reload_.added.clusters = {"a"};
  reload_.removed.listeners = {"l"};
  reload_.kept.secrets = {"s"};
  reload_.unchanged.clusters = {"b", "c"};
  reload_.needs_restart = {"admin.address"};
  EXPECT_EQ(Post("/api/reload?format=text").body,
            "cluster a: added\nlistener l: removed\nsecret s: kept, as long as something is refused\n"
            "admin.address changed: it takes effect with a restart\nunchanged: 2\n");
  reload_.refused = {{"listener", "m", {"body:3: one", "two"}}, {"bootstrap", "", {"three"}}};
  reply = Post("/api/reload?format=text");
  EXPECT_EQ(reply.status, 422);
  EXPECT_NE(reply.body.find("listener m: refused: body:3: one\nlistener m: refused: two\nbootstrap: refused: three\n"),
            reply.body.npos);
  reply = Post("/api/reload");
  EXPECT_EQ(reply.status, 422);
  EXPECT_NE(reply.body.find("\"kind\": \"listener\",\n   \"name\": \"m\",\n   \"errors\": [\n    \"body:3: one\""),
            reply.body.npos)
      << reply.body;

  reload_ = {.errors = {"body:1: no"}};
  EXPECT_EQ(Post("/api/reload").status, 400);
  EXPECT_EQ(Post("/api/reload").body, "{\n \"errors\": [\n  \"body:1: no\"\n ]\n}\n");
  EXPECT_EQ(Post("/api/reload?format=text").body, "body:1: no\n");
  reload_.now = false;
  EXPECT_EQ(Post("/api/reload").status, 503);
  EXPECT_EQ(Post("/api/reload?format=xml").status, 400);
}

TEST_F(EndpointsTest, Breakers) {
  EXPECT_EQ(Get("/breakers").status, 404);
  EXPECT_EQ(Get("/breakers?format=xml").status, 400);
  breakers_ = {{.rule = "pay", .terms = "error ratio 0.6 in 10s", .per = "route", .count = 2, .most = 10, .no_room = 3,
                .forgotten = 4,
                .breakers = {{.key = "route=all/pay", .state = "open", .since_ms = 1500, .retry_after_ms = 8500,
                              .opened_by_calls = 10, .opened_by_bad = 6, .passed = 20, .refused = 5, .probes = 1, .opened = 2,
                              .late = 7},
                             {.key = "", .state = "closed", .since_ms = 2, .calls = 8, .bad = 1, .passed = 8}}},
               {.rule = "slow", .terms = "t", .count = 2, .most = 9,
                .breakers = {{.key = "a", .state = "half_open", .probes_on_their_way = 2, .good_probes = 1},
                             {.key = "b", .state = "recovering", .calls = 3, .good_windows = 4}}}};
  EXPECT_EQ(Get("/breakers").body,
            "pay: error ratio 0.6 in 10s; per route\n"
            "  2 of 10 breakers; 4 forgotten, 3 times there was no room\n"
            "  route=all/pay: open for 1500 ms, by 6 bad of 10 calls; a probe in 8500 ms\n"
            "    passed 20, refused 5, probes 1, opened 2, late 7\n"
            "  all: closed for 2 ms; 1 bad of 8 calls\n"
            "    passed 8, refused 0, probes 0, opened 0, late 0\n"
            "slow: t\n"
            "  2 of 9 breakers; 0 forgotten, 0 times there was no room\n"
            "  a: half_open for 0 ms; probes: 1 good, 2 on their way\n"
            "    passed 0, refused 0, probes 0, opened 0, late 0\n"
            "  b: recovering for 0 ms; 0 bad of 3 calls in this window, 4 good ones before\n"
            "    passed 0, refused 0, probes 0, opened 0, late 0\n");
  breakers_.pop_back();
  breakers_[0].breakers.pop_back();
  EXPECT_EQ(Get("/breakers?format=json").body, R"({
 "rules": [
  {
   "rule": "pay",
   "terms": "error ratio 0.6 in 10s",
   "per": "route",
   "count": "2",
   "most": "10",
   "no_room": "3",
   "forgotten": "4",
   "breakers": [
    {
     "key": "route=all/pay",
     "state": "open",
     "since_ms": "1500",
     "retry_after_ms": "8500",
     "calls": "0",
     "bad": "0",
     "opened_by_calls": "10",
     "opened_by_bad": "6",
     "probes_on_their_way": "0",
     "good_probes": "0",
     "good_windows": "0",
     "passed": "20",
     "refused": "5",
     "probes": "1",
     "opened": "2",
     "late": "7"
    }
   ]
  }
 ]
}
)");
}

TEST_F(EndpointsTest, Limits) {
  EXPECT_EQ(Get("/limits").status, 404);
  EXPECT_EQ(Get("/limits?format=xml").status, 400);
  limits_ = {{.name = "all", .terms = "window of 5 in 1s", .keys = 1, .capacity = 1},
             {.name = "each", .terms = "bucket of 1, 1 per 1s", .keys = 7, .capacity = 10, .expired = 3, .evicted = 2,
              .without_room = 4, .waiting = 6,
              .refused = {{"tenant=\"a\"", 12, 3, "bucket 0 of 1"}, {"#00ff00ff", 1, 200, "bucket 1 of 1"}}}};
  EXPECT_EQ(Get("/limits").body,
            "all: window of 5 in 1s\n"
            "  1 of 1 keys; 0 expired, 0 made room, 0 times there was none\n"
            "each: bucket of 1, 1 per 1s\n"
            "  7 of 10 keys; 3 expired, 2 made room, 4 times there was none\n"
            "  6 waiting\n"
            "  refused tenant=\"a\": 12 times, 3 s ago; left: bucket 0 of 1\n"
            "  refused #00ff00ff: 1 times, 200 s ago; left: bucket 1 of 1\n");
  limits_.erase(limits_.begin());
  EXPECT_EQ(Get("/limits?format=json").body, R"({
 "limits": [
  {
   "name": "each",
   "terms": "bucket of 1, 1 per 1s",
   "keys": "7",
   "capacity": "10",
   "expired": "3",
   "evicted": "2",
   "without_room": "4",
   "waiting": "6",
   "refused": [
    {
     "key": "tenant=\"a\"",
     "times": "12",
     "seconds_ago": "3",
     "left": "bucket 0 of 1"
    },
    {
     "key": "#00ff00ff",
     "times": "1",
     "seconds_ago": "200",
     "left": "bucket 1 of 1"
    }
   ]
  }
 ]
}
)");
}

TEST_F(EndpointsTest, Context) {
  EXPECT_EQ(Get("/context").status, 404);
  EXPECT_EQ(Get("/context?format=xml").status, 400);
  context_.emplace();
  EXPECT_EQ(Get("/context").body,
            "requests in flight: 0, 0 of them with a deadline\n"
            "correlation: 0 of 0 records in use, also of requests that have ended; 0 made so far\n"
            "outbound requests: 0 restored, 0 in part, 0 unclear, 0 unknown\n");
  context_ = ContextView{.in_flight = 12,
                         .with_deadline = 9,
                         .oldest = ContextView::Oldest{.age_ms = 1203, .time_left_ms = -3},
                         .correlation = {.size = 1,
                                         .capacity = 2,
                                         .remembered = 3,
                                         .refused = 4,
                                         .forgotten = 5,
                                         .restored = 6,
                                         .partly = 7,
                                         .unclear = 8,
                                         .unknown = 10}};
  EXPECT_EQ(Get("/context").body,
            "requests in flight: 12, 9 of them with a deadline\n"
            "the oldest: began 1203 ms ago, -3 ms left\n"
            "correlation: 1 of 2 records in use, also of requests that have ended; 3 made so far\n"
            "for want of room 4 were not made\n"
            "for want of room 5 went before their grace was over\n"
            "outbound requests: 6 restored, 7 in part, 8 unclear, 10 unknown\n");
  EXPECT_EQ(Get("/context?format=json").body, R"({
 "in_flight": "12",
 "with_deadline": "9",
 "oldest": {
  "age_ms": 1203,
  "time_left_ms": -3
 },
 "correlation": {
  "size": "1",
  "capacity": "2",
  "remembered": "3",
  "refused": "4",
  "forgotten": "5"
 },
 "outbound": {
  "restored": "6",
  "partly": "7",
  "unclear": "8",
  "unknown": "10"
 }
}
)");
  context_->oldest->time_left_ms.reset();
  EXPECT_NE(Get("/context").body.find("the oldest: began 1203 ms ago, without a deadline\n"), std::string::npos);
}

TEST_F(EndpointsTest, MethodsAndUnknownPaths) {
  last_good_.emplace();  // else their pages are not there
  context_.emplace();
  limits_.emplace_back();
  breakers_.emplace_back();
  for (const Endpoint& endpoint : Endpoints::All()) {
    const bool lacks = endpoint.path.ends_with("heap_dump") || endpoint.path == "/memory/tcmalloc";
    const int answered = lacks ? 501 : 200;
    EXPECT_EQ(Get(endpoint.path).status, endpoint.changes ? 405 : answered) << endpoint.path;
    EXPECT_EQ(Ask("DELETE", endpoint.path).status, 405) << endpoint.path;
  }
  EXPECT_EQ(Get("/quitquitquit").body, "Method GET not allowed, POST required.\n");
  EXPECT_EQ(Ask("HEAD", "/ready").status, 200);
  const Reply unknown = Get("/unknown");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_TRUE(unknown.body.starts_with("invalid path. admin commands are:\n  /: "));
  EXPECT_EQ(Get("/help").body, unknown.body.substr(std::string_view("invalid path. ").size()));
  EXPECT_NE(Get("/help").body.find("\n  /quitquitquit (POST): end the process\n"), std::string::npos);
}

TEST_F(EndpointsTest, Actions) {
  const Reply quit = Post("/quitquitquit");
  EXPECT_EQ(done_, "");  // only after the answer
  quit.after();
  EXPECT_EQ(done_, "quit");
  Post("/reopen_logs");
  EXPECT_EQ(done_, "quitreopen");
  EXPECT_EQ(Post("/drain_listeners?graceful&inboundonly").body, "OK\n");
  EXPECT_TRUE(drain_query_.graceful && drain_query_.inbound_only && !drain_query_.skip_exit);
  EXPECT_EQ(Post("/drain_listeners?skip_exit").status, 400);
}

TEST_F(EndpointsTest, Runtime) {
  EXPECT_EQ(Ask("GET", "/runtime").body, R"({
 "entries": {
  "a.b": {
   "layer_values": [
    "1",
    "\"2\""
   ],
   "final_value": "\"2\""
  }
 },
 "layers": [
  "fixed",
  "admin"
 ]
}
)");
  EXPECT_EQ(Ask("POST", "/runtime_modify?a=1&b=").body, "OK\n");
  EXPECT_EQ(done_, "a=1;b=;");
  EXPECT_EQ(Ask("POST", "/runtime_modify").status, 400);
  EXPECT_EQ(Ask("POST", "/runtime_modify?refused=1").status, 503);
}

TEST_F(EndpointsTest, Logging) {
  EXPECT_EQ(Post("/logging").body, "active loggers:\n  main: info\n");
  EXPECT_EQ(Post("/logging?level=debug").body, "active loggers:\n  main: debug\n");
  EXPECT_EQ(Post("/logging?paths=main:error").body, "active loggers:\n  main: error\n");
  EXPECT_EQ(Post("/logging?main=warning").body, "active loggers:\n  main: warning\n");
  EXPECT_EQ(Post("/logging?level=&paths=").body, "active loggers:\n  main: warning\n");
  EXPECT_EQ(Post("/logging?paths=main").status, 400);
  EXPECT_EQ(Post("/logging?other=warning").body, "error: unknown logger \"other\"\n");
}

TEST_F(EndpointsTest, Stats) {
  stats_.shard(0).counter(stats_.AddCounter("a.b"))->Add(2);
  stats_.AddGauge("a.unused");
  EXPECT_EQ(Get("/stats?filter=^a").body, "a.b: 2\na.unused: 0\n");
  EXPECT_EQ(Get("/stats?filter=^a&usedonly").body, "a.b: 2\n");
  EXPECT_EQ(Get("/stats?filter=^a&type=Gauges").body, "a.unused: 0\n");
  const Reply json = Get("/stats?filter=^a%5C.b&format=json");
  EXPECT_EQ(json.content_type, "application/json");
  EXPECT_EQ(json.body, "{\"stats\":[{\"name\":\"a.b\",\"value\":2}]}\n");
  EXPECT_EQ(Get("/stats/prometheus?filter=a.b").body, "# TYPE envoy_a_b counter\nenvoy_a_b{} 2\n");
  EXPECT_EQ(Get("/stats?format=prometheus&filter=a.b").body, Get("/stats/prometheus?filter=a.b").body);
  EXPECT_EQ(Get("/stats?filter=(").status, 400);
  EXPECT_TRUE(Get("/stats?filter=(").body.starts_with("Invalid re2 regex: "));
  EXPECT_EQ(Get("/stats?format=html").status, 400);
  EXPECT_EQ(Get("/stats?type=Some").status, 400);
  // What the page's form sends when nothing was filled in.
  EXPECT_EQ(Get("/stats?filter=&format=text&type=All").body, Get("/stats").body);
  Post("/reset_counters");
  EXPECT_EQ(Get("/stats?filter=a.b").body, "a.b: 0\n");
}

TEST_F(EndpointsTest, AClusterThatLeaves) {
  EXPECT_EQ(Get("/clusters").body.find("leaving"), std::string::npos);
  clusters_[0].leaving = true;
  EXPECT_NE(Get("/clusters").body.find("be::added_via_api::false\nbe::leaving::true\n"), std::string::npos);
}

TEST_F(EndpointsTest, ClustersText) {
  EXPECT_EQ(Get("/clusters").body,
            "be::observability_name::be_alt\n"
            "be::default_priority::max_connections::1024\n"
            "be::default_priority::max_pending_requests::1024\n"
            "be::default_priority::max_requests::1024\n"
            "be::default_priority::max_retries::3\n"
            "be::high_priority::max_connections::7\n"
            "be::high_priority::max_pending_requests::1024\n"
            "be::high_priority::max_requests::1024\n"
            "be::high_priority::max_retries::3\n"
            "be::added_via_api::false\n"
            "be::192.0.2.1:80::cx_active::0\n"
            "be::192.0.2.1:80::cx_connect_fail::0\n"
            "be::192.0.2.1:80::cx_total::0\n"
            "be::192.0.2.1:80::rq_active::1\n"
            "be::192.0.2.1:80::rq_error::0\n"
            "be::192.0.2.1:80::rq_pending_active::0\n"
            "be::192.0.2.1:80::rq_success::0\n"
            "be::192.0.2.1:80::rq_timeout::0\n"
            "be::192.0.2.1:80::rq_total::9\n"
            "be::192.0.2.1:80::hostname::be.example\n"
            "be::192.0.2.1:80::health_flags::healthy\n"
            "be::192.0.2.1:80::weight::3\n"
            "be::192.0.2.1:80::region::\n"
            "be::192.0.2.1:80::zone::z1\n"
            "be::192.0.2.1:80::sub_zone::\n"
            "be::192.0.2.1:80::canary::false\n"
            "be::192.0.2.1:80::priority::0\n"
            "be::192.0.2.1:80::success_rate::-1\n"
            "be::192.0.2.1:80::local_origin_success_rate::-1\n");
  EXPECT_EQ(Get("/clusters?filter=^b$").body, "");
  EXPECT_EQ(Get("/clusters?filter=(").status, 400);
  EXPECT_EQ(Get("/clusters?format=xml").status, 400);
  clusters_[0].hosts[0].failures = {"failed_active_hc", "failed_outlier_check"};
  EXPECT_NE(Get("/clusters").body.find("::health_flags::/failed_active_hc/failed_outlier_check\n"),
            std::string::npos);
}

TEST_F(EndpointsTest, LanesOfHosts) {
  EXPECT_EQ(Get("/clusters?format=json").body.find("lane"), std::string::npos);
  clusters_[0].hosts[0].lane = "env=gr\nay";
  EXPECT_NE(Get("/clusters").body.find("be::192.0.2.1:80::lane::env=gr\\nay\n"), std::string::npos);
  EXPECT_NE(Get("/clusters?format=json").body.find(R"("lane": "env=gr\nay")"), std::string::npos);
  clusters_[0].hosts[0].lane = "";
  EXPECT_NE(Get("/clusters").body.find("be::192.0.2.1:80::lane::baseline\n"), std::string::npos);
}

TEST_F(EndpointsTest, ClustersJson) {
  clusters_[0].hosts[0].failures = {"failed_active_hc"};
  const std::string body = Get("/clusters?format=json").body;
  EXPECT_TRUE(
      body.starts_with("{\n \"cluster_statuses\": [\n  {\n   \"name\": \"be\",\n   \"host_statuses\": [\n    {\n"
                       "     \"address\": {\n      \"socket_address\": {\n       \"address\": \"192.0.2.1\",\n"
                       "       \"port_value\": 80\n      }\n     },\n"))
      << body;
  EXPECT_NE(
      body.find(
          "{\n       \"type\": \"GAUGE\",\n       \"name\": \"rq_active\",\n       \"value\": \"1\"\n      }"),
      std::string::npos);
  EXPECT_NE(body.find("{\n       \"name\": \"cx_total\"\n      }"), std::string::npos);
  EXPECT_NE(body.find("\"failed_active_health_check\": true"), std::string::npos);
  EXPECT_NE(body.find("{\n      \"priority\": \"HIGH\",\n      \"max_connections\": 7,"), std::string::npos);
}

TEST_F(EndpointsTest, Listeners) {
  EXPECT_EQ(Get("/listeners").body, "in::127.0.0.1:8080\nsix::[::1]:81 (listen: taken)\npipe::/run/x.sock\n");
  const std::string json = Get("/listeners?format=json").body;
  EXPECT_TRUE(
      json.starts_with("{\n \"listener_statuses\": [\n  {\n   \"name\": \"in\",\n   \"local_address\": {\n"
                       "    \"socket_address\": {\n     \"address\": \"127.0.0.1\",\n"
                       "     \"port_value\": 8080\n    }\n   }\n  },"))
      << json;
  EXPECT_NE(json.find("\"error\": \"listen: taken\""), std::string::npos);
  EXPECT_NE(json.find("\"pipe\": {\n     \"path\": \"/run/x.sock\""), std::string::npos);
}

TEST_F(EndpointsTest, ServerInfo) {
  EXPECT_EQ(Get("/server_info").body,
            "{\n \"version\": \"abc/0.1.0/Clean/RELEASE/OpenSSL\",\n \"state\": \"LIVE\",\n"
            " \"uptime_current_epoch\": \"123s\",\n \"uptime_all_epochs\": \"123s\",\n"
            " \"hot_restart_version\": \"disabled\",\n \"command_line_options\": {\n  \"concurrency\": 2,\n"
            "  \"config_path\": \"a.yaml\",\n  \"flag\": true,\n  \"list\": [\n   \"a\",\n   \"b\"\n  ]\n },\n \"node\": {\n"
            "  \"id\": \"node\\u003c1\\u003e\",\n  \"cluster\": \"\",\n  \"locality\": {},\n"
            "  \"user_agent_name\": \"pillion\"\n },\n \"hot_restart_initializing\": false\n}\n");
  EXPECT_EQ(Get("/hot_restart_version").body, "disabled\n");
  sources_.node.build_version = {.major_number = 1, .minor_number = 2, .patch = 3};
  sources_.node.user_agent_name = "envoy";
  sources_.node_metadata = "{\n \"k\": [1, \"x\"]\n}";
  const std::string body = Get("/server_info").body;
  EXPECT_TRUE(body.ends_with("  \"user_agent_name\": \"envoy\",\n  \"user_agent_build_version\": {\n   \"version\": {\n"
                             "    \"major_number\": 1,\n    \"minor_number\": 2,\n    \"patch\": 3\n   }\n  }\n },\n"
                             " \"hot_restart_initializing\": false\n}\n"))
      << body;
  EXPECT_NE(body.find("\"metadata\": {"), std::string::npos) << body;
}

TEST_F(EndpointsTest, MemoryHasFigures) {
  const std::string body = Get("/memory").body;
  EXPECT_EQ(body.find("\"total_physical_bytes\": \"0\""), std::string::npos) << body;
  EXPECT_NE(body.find("\"allocated\": \""), std::string::npos) << body;
}

TEST_F(EndpointsTest, ConfigDump) {
  EXPECT_EQ(Get("/config_dump?resource=static_clusters&name_regex=b.*&include_eds").body, "{}\n");
  EXPECT_EQ(dump_query_.resource, "static_clusters");
  EXPECT_EQ(dump_query_.name_regex, "b.*");
  EXPECT_TRUE(dump_query_.include_eds);
  EXPECT_EQ(Get("/config_dump?resource=wrong").status, 404);
  EXPECT_EQ(dump_query_.mask, "");
  Get("/config_dump?mask=bootstrap.node");
  EXPECT_EQ(dump_query_.mask, "bootstrap.node");
}

TEST_F(EndpointsTest, OnlyPathsThatAreAllowed) {
  using Kind = match::StringMatcher::Kind;
  sources_.allow_paths = {match::StringMatcher(Kind::kExact, "/ready"), match::StringMatcher(Kind::kPrefix, "/stats")};
  EXPECT_EQ(Get("/ready").status, 200);
  EXPECT_EQ(Get("/stats?filter=x").status, 200);
  EXPECT_EQ(Get("/memory").status, 403);
  EXPECT_EQ(Get("/memory").body, "request to path /memory not allowed\n");
  EXPECT_EQ(Post("/quitquitquit").status, 403);
}

TEST_F(EndpointsTest, WhatThereIsNotSaysSoAsEnvoyDoes) {
  EXPECT_EQ(Get("/certs").body, "{\n \"certificates\": []\n}\n");
  EXPECT_EQ(Get("/contention").status, 200);
  EXPECT_EQ(Get("/cpuprofiler").status, 405);
  EXPECT_EQ(Post("/cpuprofiler").status, 400);
  EXPECT_EQ(Post("/cpuprofiler?enable=y").status, 501);
  EXPECT_EQ(Post("/heapprofiler?enable=y").status, 501);
  EXPECT_EQ(Get("/heap_dump").status, 501);
  EXPECT_EQ(Get("/peak_heap_dump").status, 501);
  EXPECT_EQ(Get("/memory/tcmalloc").status, 501);
  EXPECT_EQ(Post("/allocprofiler").status, 400);
  EXPECT_EQ(Post("/allocprofiler?enable=y").status, 501);
  EXPECT_EQ(Get("/stats/recentlookups").status, 200);
  EXPECT_EQ(Get("/stats/recentlookups/enable").status, 405);
  EXPECT_EQ(Post("/stats/recentlookups/enable").status, 501);
  EXPECT_EQ(Get("/tap").status, 404);
}

TEST_F(EndpointsTest, InitDump) {
  EXPECT_EQ(Get("/init_dump").body, "{}\n");
  using Kind = UnreadyView::Kind;
  unready_ = {{Kind::kListener, "in", {"route table \"r\"", "secret \"s\""}}, {Kind::kCluster, "be", {"hosts"}}};
  const std::string cluster =
      "  {\n   \"name\": \"init manager Cluster be\",\n   \"target_names\": [\n    \"hosts\"\n   ]\n  }";
  const std::string listener =
      "  {\n   \"name\": \"init manager Listener-local-init-manager in\",\n   \"target_names\": [\n    \"route table "
      "\\\"r\\\"\",\n    \"secret \\\"s\\\"\"\n   ]\n  }";
  const std::string head = "{\n \"unready_targets_dumps\": [\n", end = "\n ]\n}\n";
  EXPECT_EQ(Get("/init_dump").body, head + cluster + ",\n" + listener + end);
  EXPECT_EQ(Get("/init_dump?mask=listener").body, head + listener + end);
  EXPECT_EQ(Get("/init_dump?mask=cluster").body, head + cluster + end);
  EXPECT_EQ(Get("/init_dump?mask=server").body, "{}\n");
  EXPECT_EQ(Get("/init_dump?mask=x").status, 400);
  EXPECT_EQ(Get("/init_dump?mask=x").body, "mask: \"x\", expected server, cluster or listener\n");
}

TEST_F(EndpointsTest, HistogramForms) {
  stats_.shard(0).histogram(stats_.AddHistogram("h"))->Record(3);
  const std::string get = "/stats?filter=^h$&histogram_buckets=";
  EXPECT_TRUE(Get(get + "cumulative").body.starts_with("h: B0.5(0,0) B1(0,0) B5(0,1) "));
  EXPECT_TRUE(Get(get + "disjoint").body.starts_with("h: B0.5(0,0) B1(0,0) B5(0,1) B10(0,0)"));
  EXPECT_TRUE(Get(get + "detailed").body.starts_with("h:\n  totals=3,1:1\n"));
  EXPECT_TRUE(Get(get + "summary").body.starts_with("h: P0("));
  EXPECT_TRUE(Get(get + "none").body.starts_with("h: P0("));
  EXPECT_TRUE(Get(get + "cumulative&format=json").body.starts_with("{\"stats\":[{\"histograms\":[{\"name\":\"h\",\"buckets\":"));
  EXPECT_EQ(Get(get + "other").body, "usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary|prometheusnative)\n");
  EXPECT_TRUE(Get("/stats/prometheus?filter=^h$&histogram_buckets=summary").body.starts_with("# TYPE envoy_h summary\n"));
  EXPECT_EQ(Get("/stats/prometheus?histogram_buckets=disjoint").body, "unsupported prometheus histogram bucket mode\n");
  EXPECT_EQ(Get("/stats?type=Other").body, "invalid &type= param\n");
  EXPECT_EQ(Get("/stats?format=other").body, "usage: /stats?format=(html|active-html|json|prometheus|text)\n");
  EXPECT_EQ(Get("/stats?hidden=only").body, "");
  EXPECT_EQ(Get("/stats?hidden=other").status, 400);
  EXPECT_EQ(Get("/stats?hidden=exclude&filter=^h$").body, Get(get + "summary").body);
}

TEST_F(EndpointsTest, PageOfStats) {
  stats_.shard(0).counter(stats_.AddCounter("a.<b>"))->Add(3);
  stats_.shard(0).histogram(stats_.AddHistogram("h"))->Record(3);
  stats_.SetText(stats_.AddText("t"), "x: \"y\" & z");
  const Reply page = Get("/stats?format=html&usedonly&filter=%5Ea%7Ch%7Ct&type=All");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=UTF-8");
  const auto has = [&page](std::string_view text) { return page.body.find(text) != std::string::npos; };
  EXPECT_TRUE(has("<tr><td>a.&lt;b&gt;</td><td class=\"number\">3</td></tr>\n")) << page.body;
  EXPECT_TRUE(has("<tr><td>t</td><td>&quot;x: \\&quot;y\\&quot; &amp; z&quot;</td></tr>\n")) << page.body;
  EXPECT_TRUE(has("<tr><td>h</td><td>P0("));
  // The form has what was asked for.
  EXPECT_TRUE(has("name=\"filter\" placeholder=\"filter\"")) << page.body;
  EXPECT_TRUE(has(" value=\"^a|h|t\">"));
  EXPECT_TRUE(has("<input type=\"checkbox\" name=\"usedonly\" checked>"));
  EXPECT_TRUE(has("<option value=\"html\" selected>html</option>"));
  EXPECT_FALSE(Get("/stats?format=html").body.find(" checked") != std::string::npos);
  EXPECT_NE(Get("/stats?format=html&histogram_buckets=detailed&filter=%5Eh$").body.find(
                "<tr><td>h</td><td></td></tr>\n<tr><td></td><td>totals=3,1:1</td></tr>\n"),
            std::string::npos);
  EXPECT_EQ(Get("/stats?format=html&filter=(").status, 400);
  const Reply active = Get("/stats?format=active-html&filter=h");
  EXPECT_EQ(active.content_type, "text/html; charset=UTF-8");
  EXPECT_NE(active.body.find("<option value=\"active-html\" selected>"), std::string::npos);
  EXPECT_NE(active.body.find("<script>"), std::string::npos);
  EXPECT_EQ(active.body.find("P0("), std::string::npos);  // its script asks for them
  EXPECT_NE(Get("/").body.find("<option value=\"active-html\">"), std::string::npos);
}

TEST_F(EndpointsTest, PrometheusByMessages) {
  constexpr std::string_view kType =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
  stats_.shard(0).counter(stats_.AddCounter("c"))->Add(3);
  stats_.shard(0).histogram(stats_.AddHistogram("h"))->Record(3);
  const std::string path = "/stats/prometheus?filter=^[ch]$";
  const Reply plain = Get(path);
  EXPECT_EQ(plain.content_type, "text/plain; version=0.0.4; charset=UTF-8");
  const auto type_for = [&](const std::string& accept) { return GetAs(path, accept).content_type; };
  const std::string messages =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  EXPECT_EQ(type_for(messages), kType);
  EXPECT_EQ(type_for(std::string(kType)), kType);
  EXPECT_EQ(type_for(messages + ";q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3"), kType);
  EXPECT_EQ(type_for("text/plain;version=0.0.4;q=0.5," + messages + ";q=0.4"), plain.content_type);
  EXPECT_EQ(type_for(messages + ";q=0"), plain.content_type);
  EXPECT_EQ(type_for(messages + ";q=x"), plain.content_type);
  EXPECT_EQ(type_for("application/vnd.google.protobuf"), plain.content_type);
  EXPECT_EQ(type_for("*/*"), plain.content_type);
  const Reply asked = Get(path + "&prom_protobuf");
  EXPECT_EQ(asked.content_type, kType);
  EXPECT_EQ(asked.body, GetAs(path, messages).body);
  // A family: its name, its type (0, a counter), one metric of one counter (3.0).
  const std::string family("\x0a\x07"
                           "envoy_c\x18\x00\"\x0b\x1a\x09\x09\x00\x00\x00\x00\x00\x00\x08@",
                           24);
  EXPECT_TRUE(asked.body.starts_with("\x18" + family));
  const std::string native = path + "&histogram_buckets=prometheusnative";
  EXPECT_EQ(Get(native).body,
            "unsupported prometheusnative histogram type when not using protobuf exposition format\n");
  EXPECT_EQ(Get(native + "&prom_protobuf").content_type, kType);
  EXPECT_LT(Get(native + "&prom_protobuf").body.size(), asked.body.size());
  EXPECT_EQ(Get(native + "&prom_protobuf&native_histogram_max_buckets=0").body,
            "invalid native_histogram_max_buckets value: must be a positive integer\n");
  EXPECT_EQ(Get("/stats?histogram_buckets=prometheusnative").status, 400);
  EXPECT_EQ(Get("/stats?format=prometheus&filter=^[ch]$&prom_protobuf").body, asked.body);
}

TEST_F(EndpointsTest, StatsAreFlushedWhenSomebodyLooks) {
  int flushed = 0;
  sources_.flush_stats = [&flushed] { ++flushed; };
  Get("/stats");
  Get("/stats?format=json");
  Get("/stats/prometheus");
  Get("/stats?format=html");
  EXPECT_EQ(flushed, 4);
  Get("/stats?format=wrong");
  Get("/ready");
  EXPECT_EQ(flushed, 4);
}

TEST_F(EndpointsTest, IndexPage) {
  const Reply page = Get("/");
  EXPECT_EQ(page.content_type, "text/html; charset=UTF-8");
  EXPECT_NE(page.body.find("node&lt;1&gt;"), std::string::npos);
  EXPECT_EQ(page.body.find("node<1>"), std::string::npos);
  for (const Endpoint& endpoint : Endpoints::All()) {
    EXPECT_NE(page.body.find(endpoint.path), std::string::npos) << endpoint.path;
  }
  EXPECT_NE(page.body.find("method=\"post\" action=\"/quitquitquit\""), std::string::npos);
  EXPECT_EQ(page.body.find("href=\"/quitquitquit\""), std::string::npos);
}

// hostile-inputs E12.
TEST_F(EndpointsTest, HostileNamesStayOnTheirLine) {
  clusters_[0].name = "a\nfake::x::y";
  clusters_[0].hosts.clear();
  EXPECT_TRUE(Get("/clusters").body.starts_with("a\\nfake::x::y::observability_name::"));
  EXPECT_NE(Get("/clusters?format=json").body.find("\"a\\nfake::x::y\""), std::string::npos);
}

TEST_F(EndpointsTest, Explain) {
  EXPECT_EQ(Get("/explain?path=%2Fa&header=a:1&header=b:2").body, "text path=/a header=a:1 header=b:2");
  EXPECT_EQ(Get("/explain?format=json&path=").body, "json path=");
  EXPECT_EQ(Get("/explain?format=json").content_type, "application/json");
  EXPECT_EQ(Get("/explain?format=xml").body, "format: xml, expected text or json\n");
  EXPECT_EQ(Get("/explain?wrong=1").status, 400);
  EXPECT_EQ(Get("/explain?wrong=1").body, "wrong: no such parameter\n");
}

TEST_F(EndpointsTest, Guard) {
  EXPECT_EQ(Get("/guard").body, "text");
  EXPECT_EQ(Get("/guard?format=json").body, "json");
  EXPECT_EQ(Get("/guard?format=json").content_type, "application/json");
  EXPECT_EQ(Get("/guard?format=xml").body, "format: xml, expected text or json\n");
  EXPECT_EQ(Get("/guard/forget").status, 405);
  EXPECT_EQ(Post("/guard/forget").body, "3 forgotten\n");
}

}  // namespace
}  // namespace pillion::admin

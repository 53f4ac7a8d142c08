// What is asked of the administration: which paths there are, by whom they may be asked, and what they do.

#include "test/unit/admin/endpoints_fixture.h"

namespace pillion::admin {
namespace {

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

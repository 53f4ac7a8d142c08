#include <gtest/gtest.h>

#include "test/unit/filters/filter_config.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr char kType[] = "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession";
// 10.0.1.2:80 and 10.0.1.9:80, which is no host.
constexpr char kSecond[] = "MTAuMC4xLjI6ODA=";
constexpr char kNobody[] = "MTAuMC4xLjk6ODA=";

std::string Cookie(const std::string& fields) {
  return "session_state: {name: c, typed_config: {\"@type\": "
         "type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState, cookie: {" + fields + "}}}";
}
std::string Header(const std::string& name) {
  return "session_state: {name: h, typed_config: {\"@type\": "
         "type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState, name: " + name + "}}";
}

class StatefulSessionTest : public testing::Test {
 protected:
  void Start(const std::string& fields, ProxySettings settings = {}) {
    client_.reset();
    settings.http_filters =
        "- name: session\n  typed_config: {\"@type\": " + std::string(kType) + ", stat_prefix: own, " + fields + "}\n";
    settings.hosts = 3;
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  // The number of the host that has answered; -1: none has. The head of the answer is in head_.
  int Ask(const std::string& fields = "", const std::string& path = "/") {
    client_->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    int who = -1;
    for (int host = 0; host < 3; ++host) {
      for (const std::unique_ptr<Peer>& peer : world_->upstream(static_cast<uint32_t>(host)).peers()) {
        if (peer->Take().empty()) continue;
        who = host;
        peer->Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      }
    }
    world_->Run();
    head_ = client_->Take();
    return who;
  }
  // Of the answer; empty: there is none.
  std::string Field(const std::string& name) {
    const size_t at = head_.find("\r\n" + name + ": ");
    if (at == head_.npos) return "";
    const size_t begin = at + 4 + name.size();
    return head_.substr(begin, head_.find("\r\n", begin) - begin);
  }
  // "a" and what the cookie of the answer says.
  std::string CookieBack() {
    const std::string set = Field("set-cookie");
    return "cookie: " + set.substr(0, set.find(';')) + "\r\n";
  }
  int64_t stat(const std::string& name) { return world_->stat("http.in.stateful_session.own." + name); }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
  std::string head_;
};

TEST_F(StatefulSessionTest, ACookieKeepsTheHost) {
  Start(Cookie("name: s"));
  const int first = Ask();
  EXPECT_EQ(Field("set-cookie").substr(0, 3), "s=\"");
  EXPECT_TRUE(Field("set-cookie").ends_with("\"; HttpOnly")) << head_;
  const std::string back = CookieBack();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Ask(back), first);
    EXPECT_EQ(Field("set-cookie"), "");
  }
  EXPECT_EQ(stat("routed"), 5);
  EXPECT_EQ(stat("failed_open"), 1);
  EXPECT_EQ(stat("no_session"), 0);
}

TEST_F(StatefulSessionTest, WhatSetCookieSays) {
  Start(Cookie("name: s, ttl: 120s, path: /a, attributes: [{name: SameSite, value: Lax}, {name: Secure}]"));
  EXPECT_GE(Ask("", "/a/b"), 0);
  EXPECT_TRUE(Field("set-cookie").ends_with("\"; Max-Age=120; Path=/a; SameSite=Lax; Secure; HttpOnly")) << head_;
  const std::string back = CookieBack();
  const int first = Ask(back, "/a");
  EXPECT_EQ(Field("set-cookie"), "");
  world_->Wait(119'000);
  EXPECT_EQ(Ask(back, "/a"), first);
  world_->Wait(2'000);
  Ask(back, "/a");
  EXPECT_NE(Field("set-cookie"), "");  // it has expired
}

TEST_F(StatefulSessionTest, OnlyRequestsOfItsPath) {
  Start(Cookie("name: s, path: /a"));
  for (const auto& [path, has] : {std::pair("/a", true), std::pair("/a?x", true), std::pair("/a/b", true),
                                  std::pair("/ab", false), std::pair("/", false)}) {
    EXPECT_GE(Ask("", path), 0);
    EXPECT_EQ(!Field("set-cookie").empty(), has) << path;
  }
  EXPECT_EQ(stat("no_session"), 2);
  Start(Cookie("name: s, path: /a/"));
  for (const auto& [path, has] : {std::pair("/a", false), std::pair("/a/b", true)}) {
    EXPECT_GE(Ask("", path), 0);
    EXPECT_EQ(!Field("set-cookie").empty(), has) << path;
  }
}

TEST_F(StatefulSessionTest, AHeaderKeepsTheHost) {
  Start(Header("X-Session"));
  const int first = Ask();
  const std::string value = Field("x-session");
  ASSERT_NE(value, "");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask("x-session: " + value + "\r\n"), first);
  EXPECT_EQ(Field("x-session"), "");
  EXPECT_EQ(Ask("x-session: " + std::string(kSecond) + "\r\n"), 1);
}

TEST_F(StatefulSessionTest, AnotherHostWhereItsOwnIsNotThere) {
  Start(Header("x-session"));
  EXPECT_GE(Ask("x-session: " + std::string(kNobody) + "\r\n"), 0);
  EXPECT_NE(Field("x-session"), "");
  EXPECT_EQ(stat("failed_open"), 1);
  EXPECT_GE(Ask("x-session: %%%\r\n"), 0);
  EXPECT_EQ(stat("failed_closed"), 0);
}

TEST_F(StatefulSessionTest, OrNoneWhereThatIsSaid) {
  Start("strict: true, " + Header("x-session"));
  EXPECT_EQ(Ask("x-session: " + std::string(kNobody) + "\r\n"), -1);
  EXPECT_TRUE(head_.starts_with("HTTP/1.1 503")) << head_;
  EXPECT_EQ(stat("failed_closed"), 1);
  EXPECT_EQ(world_->stat("cluster.app.upstream_cx_none_healthy"), 1);
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET / HTTP/1.1 503 UH no_healthy_upstream 0 19 0"});
  EXPECT_EQ(Ask("x-session: " + std::string(kSecond) + "\r\n"), 1);
  EXPECT_GE(Ask(), 0);  // who has no session gets one
  EXPECT_EQ(stat("failed_open"), 0);
  EXPECT_EQ(stat("routed"), 1);
}

TEST_F(StatefulSessionTest, AnotherAttemptGoesAnywhere) {
  Start(Header("x-session"), {.route = "retry_policy: {retry_on: reset, num_retries: 1, retry_back_off: {base_interval: 0.001s}}"});
  client_->Send("GET / HTTP/1.1\r\nhost: h\r\nx-session: " + std::string(kSecond) + "\r\n\r\n");
  world_->Run();
  ASSERT_EQ(world_->upstream(1).size(), 1u);
  world_->upstream(1).peer(0).Close();
  world_->Run();
  world_->Wait(10);
  // Of three hosts in turn one of the others comes next, or the same one again: it need not be that of the session.
  size_t asked = 0;
  for (uint32_t host = 0; host < 3; ++host) asked += world_->upstream(host).size();
  EXPECT_EQ(asked, 2u);
}

TEST_F(StatefulSessionTest, WhereARedirectLeadsThereMayBeNoSession) {
  Start("strict: true, " + Cookie("name: s, path: /a"), {.route = "internal_redirect_policy: {}"});
  size_t elsewhere = 0;
  for (int i = 0; i < 2; ++i) {
    client_->Send("GET /a HTTP/1.1\r\nhost: h\r\ncookie: s=" + std::string(kSecond) + "\r\n\r\n");
    world_->Run();
    for (const std::unique_ptr<Peer>& peer : world_->upstream(1).peers()) {
      if (!peer->Take().empty()) peer->Send("HTTP/1.1 302 Found\r\nlocation: http://h/b\r\ncontent-length: 0\r\n\r\n");
    }
    world_->Run();
    world_->Wait(1);  // it begins in a turn of its own
    for (uint32_t host = 0; host < 3; ++host) {
      for (const std::unique_ptr<Peer>& peer : world_->upstream(host).peers()) {
        if (!peer->Take().starts_with("GET /b ")) continue;
        elsewhere += host != 1;
        peer->Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      }
    }
    world_->Run();
    EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 200"));
  }
  EXPECT_GT(elsewhere, 0u);  // hosts take turns: of two requests one at least went to another than that of the session
}

TEST_F(StatefulSessionTest, RoutesSayOtherwise) {
  const std::string of_route =
      "typed_per_filter_config: {session: {\"@type\": "
      "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute, ";
  Start(Header("x-session"), {.entry = of_route + "disabled: true}}"});
  Ask("x-session: " + std::string(kNobody) + "\r\n");
  EXPECT_EQ(Field("x-session"), "");
  Start(Header("x-session"), {.entry = of_route + "stateful_session: {" + Header("x-other") + "}}}"});
  EXPECT_EQ(Ask("x-other: " + std::string(kSecond) + "\r\n"), 1);
  EXPECT_EQ(stat("routed"), 0);  // not counted
}

TEST_F(StatefulSessionTest, WithoutAState) {
  Start("strict: false");
  EXPECT_GE(Ask(), 0);
  EXPECT_EQ(stat("no_session"), 1);
}

TEST(StatefulSessionConfig, WhatIsRefused) {
  const auto refused = [](const std::string& fields, const std::string& of_route = "") {
    return Refused({.http_filters = "{name: s, typed_config: {\"@type\": " + std::string(kType) + ", " + fields + "}}", .of_route = of_route});
  };
  EXPECT_EQ(refused(Cookie("name: s, path: /a, ttl: 5s")), "");
  const std::string cookie =
      "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config.session_state.typed_config.cookie.";
  EXPECT_EQ(refused(Cookie("name: \"a b\"")), cookie + "name: \"a b\", expected a cookie's name\n");
  EXPECT_EQ(refused(Cookie("name: s, path: \"/a; Secure\"")), cookie + "path: \"/a; Secure\", expected the path of a cookie\n");
  EXPECT_EQ(refused(Cookie("name: s, ttl: -1s")), cookie + "ttl: -1s, expected at least 0s\n");
  EXPECT_NE(refused(Cookie("name: s, attributes: [{name: a, value: \"b;c\"}]")).find("attributes[0]: \"a=b;c\", expected"), std::string::npos);
  EXPECT_NE(refused(Header("\":path\"")).find("name: \":path\", expected a header's name"), std::string::npos);
  EXPECT_NE(refused("session_state: {name: x, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}")
                .find("CookieBasedSessionState or HeaderBasedSessionState"),
            std::string::npos);
  const std::string of_route =
      "typed_per_filter_config: {s: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3."
      "StatefulSessionPerRoute, stateful_session: {stat_prefix: x, " + Header("x-a") + "}}}";
  EXPECT_NE(refused(Header("x-a"), of_route).find("stat_prefix: means nothing for a route"), std::string::npos);
}

}  // namespace
}  // namespace pillion::test

// Answers that redirect and are followed here.

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

std::string To(const std::string& location, const std::string& status = "302 Found", const std::string& fields = "") {
  return "HTTP/1.1 " + status + "\r\nlocation: " + location + "\r\n" + fields + "content-length: 0\r\n\r\n";
}
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

class RedirectTest : public testing::Test {
 protected:
  void Start(const std::string& policy, const std::string& first_routes = "", const std::string& http_filters = "") {
    TearDown();
    world_ = std::make_unique<ProxyWorld>(ProxySettings{.route = "internal_redirect_policy: {" + policy + "}",
                                                        .first_routes = first_routes,
                                                        .http_filters = http_filters});
    client_ = world_->Connect();
  }
  void TearDown() override {
    client_.reset();
    world_.reset();
  }

  // What goes upstream for `request`.
  std::string Forwarded(const std::string& request) {
    client_->Send(request);
    world_->Run();
    return upstream().Take();
  }
  // What goes upstream for `answer`.
  std::string Next(const std::string& answer) {
    upstream().Send(answer);
    world_->Run();
    world_->Wait(1);  // it begins in a turn of its own
    return upstream().Take();
  }
  Peer& upstream() { return world_->upstream().peer(world_->upstream().size() - 1); }
  int64_t stat(const std::string& name) { return world_->stat(name); }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr char kGet[] = "GET /a?q HTTP/1.1\r\nhost: h\r\n\r\n";

// And so is its cookie, which the client would come back with.
TEST_F(RedirectTest, AHashIsOfItsRoute) {
  TearDown();
  world_ = std::make_unique<ProxyWorld>(ProxySettings{
      .first_routes = "- match: {path: /a}\n  route: {cluster: app, internal_redirect_policy: {}, "
                      "hash_policy: [{cookie: {name: of-a, ttl: 60s}}]}",
      .cluster = "lb_policy: RING_HASH"});
  client_ = world_->Connect();
  Forwarded(kGet);
  EXPECT_EQ(Next(kOk), "");
  EXPECT_TRUE(Has(client_->Take(), "\r\nset-cookie: of-a="));
  Forwarded(kGet);
  ASSERT_TRUE(Next(To("http://h/b")).starts_with("GET /b HTTP/1.1\r\n"));
  EXPECT_EQ(Next(kOk), "");
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_FALSE(Has(answer, "set-cookie")) << answer;
}

TEST_F(RedirectTest, ThePassageAndItsEnd) {
  Start("response_headers_to_copy: [x-state]");
  ASSERT_TRUE(Forwarded(kGet).starts_with("GET /a?q HTTP/1.1\r\nhost: h\r\n"));
  const std::string next = Next(To("http://other.test:81/b?c=1#f", "302 Found", "x-state: 1\r\nx-state: 2\r\n"));
  EXPECT_TRUE(next.starts_with("GET /b?c=1 HTTP/1.1\r\nhost: other.test:81\r\n")) << next;
  EXPECT_TRUE(Has(next, "x-envoy-original-url: http://h/a?q\r\n")) << next;
  EXPECT_TRUE(Has(next, "x-state: 1\r\nx-state: 2\r\n")) << next;
  EXPECT_EQ(Next(kOk), "");
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(stat("cluster.app.upstream_internal_redirect_succeeded_total"), 1);
  EXPECT_EQ(stat("cluster.app.upstream_internal_redirect_failed_total"), 0);
  // The connection goes on.
  EXPECT_NE(Forwarded(kGet), "");
  EXPECT_EQ(Next(kOk), "");
  EXPECT_TRUE(Has(client_->Take(), "200 OK"));
}

TEST_F(RedirectTest, TheBodyGoesAlong) {
  Start("redirect_response_codes: [307]");
  Forwarded("POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 6\r\n\r\nabcdef");
  const std::string next = Next(To("http://h/b", "307 Temporary Redirect"));
  EXPECT_TRUE(next.starts_with("POST /b HTTP/1.1\r\n")) << next;
  EXPECT_TRUE(next.ends_with("\r\n\r\nabcdef")) << next;
  EXPECT_EQ(Next(kOk), "");
  EXPECT_TRUE(Has(client_->Take(), "200 OK"));
  // 302 is none of the codes.
  Forwarded(kGet);
  EXPECT_EQ(Next(To("http://h/b")), "");
  EXPECT_TRUE(Has(client_->Take(), "302 Found"));
}

TEST_F(RedirectTest, SeeOtherIsAGet) {
  Start("redirect_response_codes: [303]");
  Forwarded("POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 6\r\n\r\nabcdef");
  const std::string next = Next(To("http://h/b", "303 See Other"));
  EXPECT_TRUE(next.starts_with("GET /b HTTP/1.1\r\n")) << next;
  EXPECT_FALSE(Has(next, "content-length")) << next;
  EXPECT_EQ(Next(kOk), "");
  EXPECT_TRUE(Has(client_->Take(), "200 OK"));
}

TEST_F(RedirectTest, ThroughFiltersAgain) {
  Start("redirect_response_codes: [307]", "",
        "- name: envoy.filters.http.buffer\n  typed_config:\n    \"@type\": "
        "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer\n    max_request_bytes: 100\n");
  Forwarded("POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 6\r\n\r\nabcdef");
  const std::string next = Next(To("http://h/b", "307 Temporary Redirect"));
  EXPECT_TRUE(next.starts_with("POST /b HTTP/1.1\r\n")) << next;
  EXPECT_TRUE(next.ends_with("\r\n\r\nabcdef")) << next;
  EXPECT_EQ(Next(kOk), "");
  EXPECT_TRUE(Has(client_->Take(), "200 OK"));
}

TEST_F(RedirectTest, ToAnAnswerOfOurOwn) {
  Start("");
  Forwarded(kGet);
  EXPECT_EQ(Next(To("http://h/direct")), "");
  const std::string answer = client_->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("direct")) << answer;
}

TEST_F(RedirectTest, WhatPasses) {
  const auto passes = [&](const std::string& answer, const std::string& counter) {
    const int64_t before = counter.empty() ? 0 : stat("http.in.passthrough_internal_redirect_" + counter);
    const int64_t failed = stat("cluster.app.upstream_internal_redirect_failed_total");
    Forwarded(kGet);
    EXPECT_EQ(Next(answer), "") << answer;
    EXPECT_TRUE(Has(client_->Take(), "302 Found")) << answer;
    EXPECT_EQ(stat("cluster.app.upstream_internal_redirect_failed_total"), failed + 1);
    if (counter.empty()) return;
    EXPECT_EQ(stat("http.in.passthrough_internal_redirect_" + counter), before + 1) << answer;
  };
  Start("");
  for (const char* location : {"/relative", "ftp://h/", "http://a b/", "http:///x", "//h/x"}) {
    passes(To(location), "bad_location");
  }
  passes(To("https://h/b"), "unsafe_scheme");
  passes("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n", "");
  Start("max_internal_redirects: 0");
  passes(To("http://h/b"), "too_many_redirects");
  Start("predicates: [{name: a, typed_config: {\"@type\": "
        "type.googleapis.com/envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig, "
        "allowed_route_names: [good]}}]",
        "- {name: good, match: {path: /good}, route: {cluster: app}}\n");
  passes(To("http://h/b"), "predicate");
  Forwarded(kGet);
  EXPECT_TRUE(Next(To("http://h/good")).starts_with("GET /good "));
  Next(kOk);
  client_->Take();
  Start("allow_cross_scheme_redirect: true, predicates: [{name: a, typed_config: {\"@type\": "
        "type.googleapis.com/envoy.extensions.internal_redirect.safe_cross_scheme.v3.SafeCrossSchemeConfig}}]");
  passes(To("https://h/b"), "predicate");
  Start("allow_cross_scheme_redirect: true");
  Forwarded(kGet);
  EXPECT_TRUE(Next(To("https://h/b")).starts_with("GET /b "));
  Next(kOk);
  client_->Take();
}

TEST_F(RedirectTest, EachRouteOnce) {
  const std::string policy =
      "max_internal_redirects: 5, predicates: [{name: a, typed_config: {\"@type\": "
      "type.googleapis.com/envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig}}]";
  Start(policy, "- {name: b, match: {path: /b}, route: {cluster: app, internal_redirect_policy: {" + policy + "}}}\n");
  Forwarded(kGet);
  EXPECT_TRUE(Next(To("http://h/b")).starts_with("GET /b "));
  EXPECT_TRUE(Next(To("http://h/c")).starts_with("GET /c "));
  EXPECT_EQ(Next(To("http://h/b")), "");
  EXPECT_TRUE(Has(client_->Take(), "302 Found"));
  EXPECT_EQ(stat("http.in.passthrough_internal_redirect_predicate"), 1);
}

TEST_F(RedirectTest, ABodyThatIsStillComing) {
  Start("redirect_response_codes: [302]");
  Forwarded("POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 6\r\n\r\nabc");
  EXPECT_EQ(Next(To("http://h/b")), "");
  EXPECT_TRUE(Has(client_->Take(), "302 Found"));
  EXPECT_EQ(stat("cluster.app.upstream_internal_redirect_failed_total"), 1);
}

// Where a redirect leads is asked of the filters anew, also of those that are asked without a chain.
TEST_F(RedirectTest, RulesAboutAccessHoldForThePassage) {
  Start("", "",
        "- name: rbac\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC, rules: "
        "{action: DENY, policies: {p: {permissions: [{url_path: {path: {exact: /b}}}], principals: [{any: true}]}}}}\n");
  ASSERT_NE(Forwarded(kGet), "");
  EXPECT_EQ(Next(To("http://h/b")), "");
  EXPECT_TRUE(Has(client_->Take(), "403 Forbidden"));
  EXPECT_EQ(stat("http.in.rbac.allowed"), 1);
  EXPECT_EQ(stat("http.in.rbac.denied"), 1);
  ASSERT_NE(Forwarded(kGet), "");
  EXPECT_NE(Next(To("http://h/c")), "");
  EXPECT_EQ(Next(kOk), "");
  EXPECT_TRUE(Has(client_->Take(), "200 OK"));
  EXPECT_EQ(stat("http.in.rbac.allowed"), 3);
}

}  // namespace
}  // namespace pillion::test

// Requests whose table is chosen by scope.

#include <gtest/gtest.h>

#include <algorithm>

#include "source/filter/http_filter.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

// A scope whose table answers with its name, but for "/up", which goes to the upstream with what is in `route`.
std::string Scope(const std::string& name, const std::string& key, const std::string& table = "", const std::string& route = "") {
  return "    - name: " + name + "\n"
         "      key: {fragments: [{string_key: " + key + "}]}\n"
         "      route_configuration:\n"
         "        name: " + name + "\n" + table +
         "        virtual_hosts:\n"
         "        - name: v\n"
         "          domains: ['*']\n"
         "          routes:\n"
         "          - {match: {prefix: /up}, name: up, route: {cluster: app" + route + "}}\n"
         "          - {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: by-" + name + "}}}\n";
}

std::string ScopedRoutes(const std::string& scopes, const std::string& extractor = "name: x-scope, index: 0") {
  return "scoped_routes:\n  name: s\n  scope_key_builder: {fragments: [{header_value_extractor: {" + extractor +
         "}}]}\n  scoped_route_configurations_list:\n    scoped_route_configurations:\n" + scopes;
}

// A filter that moves the request to another scope and has its route chosen anew.
struct Mover final : filter::HttpFilterConfig {
  uint32_t hooks() const override { return 0xff; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext&) const override;
};
class Move final : public filter::HttpFilter {
 public:
  filter::Step OnRequestHead(http::RequestHead& head, bool) override {
    const http::HeaderField* const move = head.headers.Find("x-move");
    if (move == nullptr) return filter::Step::kContinue;
    const std::string_view to = move->value();
    head.headers.Remove("x-scope");
    head.headers.Add("x-scope", to);
    stream().ChooseRoute();
    return filter::Step::kContinue;
  }
};
struct MoverShard final : filter::HttpFilterShard {
  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override {
    return stream.arena().New<Move>();
  }
};
std::unique_ptr<filter::HttpFilterShard> Mover::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<MoverShard>();
}

class ScopesTest : public testing::TestWithParam<uint32_t> {
 protected:
  void Start(ProxySettings settings) {
    settings.workers = GetParam();
    world_ = std::make_unique<ProxyWorld>(settings);
  }
  // The answer to a request on a connection of its own: "200 by-a", "404 ".
  std::string Answer(const std::string& fields, const std::string& path = "/") {
    const std::unique_ptr<Peer> client = world_->Connect();
    client->Send("GET " + path + " HTTP/1.1\r\nhost: h.test\r\nconnection: close\r\n" + fields + "\r\n");
    world_->Run();
    const std::string answer = client->Take();
    const size_t body = answer.find("\r\n\r\n");
    return answer.size() < 12 || body == answer.npos ? answer : answer.substr(9, 3) + " " + answer.substr(body + 4);
  }

  std::unique_ptr<ProxyWorld> world_;
};

TEST_P(ScopesTest, ByTheKey) {
  Start({.scopes = ScopedRoutes(Scope("one", "a") + Scope("two", "b"))});
  for (uint32_t i = 0; i < GetParam(); ++i) {
    EXPECT_EQ(Answer("x-scope: a\r\n"), "200 by-one");
    EXPECT_EQ(Answer("x-scope: b\r\n"), "200 by-two");
    EXPECT_EQ(Answer("x-scope: b\r\nx-scope: a\r\n"), "200 by-two");
    EXPECT_EQ(Answer("x-scope: c\r\n"), "404 ");
    EXPECT_EQ(Answer("x-scope: A\r\n"), "404 ");
    EXPECT_EQ(Answer(""), "404 ");
  }
  EXPECT_EQ(world_->stat("http.in.no_route"), 3 * GetParam());
  const std::vector<std::string> lines = world_->TakeLog();
  ASSERT_EQ(lines.size(), 6 * GetParam());
  const auto is_without = [](const std::string& line) { return line.find(" 404 NR route_not_found ") != std::string::npos; };
  EXPECT_EQ(std::ranges::count_if(lines, is_without), 3 * GetParam());
}

// Each request of a connection has its own.
TEST_P(ScopesTest, RequestsOfOneConnection) {
  Start({.scopes = ScopedRoutes(Scope("one", "a") + Scope("two", "b"))});
  const std::unique_ptr<Peer> client = world_->Connect();
  for (const char* key : {"a", "b", "a"}) {
    client->Send("GET / HTTP/1.1\r\nhost: h\r\nx-scope: " + std::string(key) + "\r\n\r\n");
    world_->Run();
    EXPECT_TRUE(client->Take().ends_with(*key == 'a' ? "by-one" : "by-two"));
  }
}

TEST_P(ScopesTest, ByPartsOfTheHead) {
  Start({.scopes = ScopedRoutes(Scope("one", "h") + Scope("two", "other"), "name: ':authority', element_separator: '.', index: 0")});
  EXPECT_EQ(Answer(""), "200 by-one");
}

// What a table takes off requests of strangers may be what the scope goes by: it is gone when the route is chosen.
TEST_P(ScopesTest, AFieldThatATableTakesAway) {
  Start({.scopes = ScopedRoutes(Scope("one", "a", "        internal_only_headers: [x-scope]\n") + Scope("two", "b"))});
  EXPECT_EQ(Answer("x-scope: b\r\nx-forwarded-for: 8.8.8.8\r\n"), "200 by-two");
  EXPECT_EQ(Answer("x-scope: a\r\nx-forwarded-for: 8.8.8.8\r\n"), "404 ");
}

TEST_P(ScopesTest, AFilterMovesTheRequest) {
  const auto mover = std::make_shared<Mover>();
  Start({.scopes = ScopedRoutes(Scope("one", "a") + Scope("two", "b")), .further_filters = {{"mover", mover}}});
  EXPECT_EQ(Answer("x-scope: a\r\nx-move: b\r\n"), "200 by-two");
  EXPECT_EQ(Answer("x-scope: a\r\nx-move: a\r\n"), "200 by-one");
  EXPECT_EQ(Answer("x-scope: a\r\nx-move: c\r\n"), "404 ");
  EXPECT_EQ(Answer("x-move: b\r\n"), "200 by-two");
}

TEST_P(ScopesTest, ARedirectLeadsToAnotherScope) {
  constexpr char kFollows[] = ", internal_redirect_policy: {response_headers_to_copy: [x-other]}";
  Start({.scopes = ScopedRoutes(Scope("one", "h", "", kFollows) + Scope("two", "other"),
                                "name: ':authority', element_separator: '.', index: 0")});
  const auto redirected = [&](const std::string& to) {
    const std::unique_ptr<Peer> client = world_->Connect();
    client->Send("GET /up HTTP/1.1\r\nhost: h.test\r\n\r\n");
    world_->Run();
    Peer& upstream = world_->upstream().peer(world_->upstream().size() - 1);
    EXPECT_TRUE(upstream.Take().starts_with("GET /up HTTP/1.1\r\n"));
    upstream.Send("HTTP/1.1 302 Found\r\nlocation: http://" + to + "\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    world_->Run();
    world_->Wait(1);
    return client->Take();
  };
  EXPECT_TRUE(redirected("other.test/x").ends_with("by-two"));
  EXPECT_TRUE(redirected("h.test/x").ends_with("by-one"));
  // No scope has it: there is no route, and the client is told of the redirect.
  EXPECT_TRUE(redirected("nobody.test/x").starts_with("HTTP/1.1 302 Found\r\n"));
  EXPECT_EQ(world_->stat("cluster.app.upstream_internal_redirect_failed_total"), 1);
}

// A request that has begun goes on by its table; the next one finds another.
TEST_P(ScopesTest, TheListenerIsReplaced) {
  Start({.scopes = ScopedRoutes(Scope("one", "a"))});
  const std::unique_ptr<Peer> client = world_->Connect();
  client->Send("GET /up HTTP/1.1\r\nhost: h\r\nx-scope: a\r\n\r\n");
  world_->Run();
  world_->UpdateListener({.scopes = ScopedRoutes(Scope("next", "a"))});
  world_->Run();
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  world_->Run();
  EXPECT_TRUE(client->Take().ends_with("ok"));
  client->Send("GET / HTTP/1.1\r\nhost: h\r\nx-scope: a\r\n\r\n");
  world_->Run();
  EXPECT_TRUE(client->Take().ends_with("by-next"));
}

INSTANTIATE_TEST_SUITE_P(Workers, ScopesTest, testing::Values(1, 2, 4));

}  // namespace
}  // namespace pillion::test

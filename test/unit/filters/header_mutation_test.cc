#include <gtest/gtest.h>

#include "source/base/block.h"
#include "source/filters/header_mutation/query.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Action = config::AddedHeader::Action;

class HeaderMutationTest : public testing::Test {
 protected:
  void Start(const std::string& mutations, ProxySettings settings = {}, const std::string& more = "") {
    client_.reset();
    settings.http_filters =
        "- name: edit\n"
        "  typed_config:\n"
        "    \"@type\": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation\n" + more +
        "    mutations:\n" + mutations;
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  std::string Upstream(const std::string& path, const std::string& fields = "") {
    client_->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    return world_->upstream().peer(0).Take();
  }
  std::string Answer(const std::string& bytes) {
    world_->upstream().peer(0).Send(bytes);
    world_->Run();
    return client_->Take();
  }
  static bool Has(const std::string& head, std::string_view field) {
    return head.find("\r\n" + std::string(field) + "\r\n") != std::string::npos;
  }

  // A level's configuration.
  static std::string Level(const std::string& value) {
    return "typed_per_filter_config:\n  edit:\n"
           "    \"@type\": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute\n"
           "    mutations: {request_mutations: [{append: {header: {key: x-level, value: " + value +
           "}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}]}\n";
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(HeaderMutationTest, RequestsInOrder) {
  Start(R"(      request_mutations:
      - {append: {header: {key: x-a, value: "%REQ(x-in)%"}}}
      - {append: {header: {key: x-b, value: "%REQ(x-a)%"}, append_action: ADD_IF_ABSENT}}
      - {remove: x-in}
      - {append: {header: {key: x-c, value: new}, append_action: OVERWRITE_IF_EXISTS}}
      - {remove_on_match: {key_matcher: {prefix: x-drop-}}}
)");
  const std::string head = Upstream("/", "x-in: 1\r\nx-c: old\r\nX-Drop-One: 1\r\nx-drop-two: 2\r\n");
  EXPECT_TRUE(Has(head, "x-a: 1")) << head;
  EXPECT_TRUE(Has(head, "x-b: 1")) << head;
  EXPECT_TRUE(Has(head, "x-c: new")) << head;
  EXPECT_EQ(head.find("x-in"), std::string::npos);
  EXPECT_EQ(head.find("x-drop"), std::string::npos);
}

TEST_F(HeaderMutationTest, Responses) {
  Start(R"(      response_mutations:
      - {remove: x-app}
      - {append: {header: {key: x-status, value: "%RESPONSE_CODE%"}}}
      - {remove_on_match: {key_matcher: {exact: content-length}}}
)");
  Upstream("/");
  const std::string answer = Answer("HTTP/1.1 201 Created\r\nx-app: 1\r\ncontent-length: 2\r\n\r\nok");
  EXPECT_TRUE(Has(answer, "x-status: 201")) << answer;
  EXPECT_EQ(answer.find("x-app"), std::string::npos);
  EXPECT_TRUE(Has(answer, "content-length: 2")) << "what frames the message stays";
}

TEST_F(HeaderMutationTest, Trailers) {
  ProxySettings settings;
  settings.hcm = "http_protocol_options: {enable_trailers: true}\n";
  settings.cluster =
      "typed_extension_protocol_options:\n  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
      "    \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n"
      "    explicit_http_config: {http_protocol_options: {enable_trailers: true}}\n";
  Start(R"(      request_trailers_mutations: [{append: {header: {key: x-more, value: request}}}]
      response_trailers_mutations: [{remove: x-sum}, {append: {header: {key: x-more, value: answer}}}]
)",
        settings);
  client_->Send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-t: 1\r\n\r\n");
  world_->Run();
  EXPECT_TRUE(Has(world_->upstream().peer(0).Take(), "x-more: request"));
  const std::string answer =
      Answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 1\r\nx-t: 1\r\n\r\n");
  EXPECT_TRUE(Has(answer, "x-more: answer")) << answer;
  EXPECT_EQ(answer.find("x-sum"), std::string::npos) << answer;
}

TEST_F(HeaderMutationTest, LevelsAllCount) {
  ProxySettings settings;
  settings.table = Level("table");
  settings.virtual_host = Level("host");
  settings.entry = Level("route");
  const std::string own =
      "      request_mutations:\n"
      "      - {append: {header: {key: x-level, value: filter}}}\n"
      "      - {append: {header: {key: x-own, value: 1}}}\n";
  Start(own, settings);
  std::string head = Upstream("/");
  EXPECT_TRUE(Has(head, "x-level: table")) << head;
  EXPECT_TRUE(Has(head, "x-own: 1")) << head;
  Start(own, settings, "    most_specific_header_mutations_wins: true\n");
  head = Upstream("/");
  EXPECT_TRUE(Has(head, "x-level: route")) << head;
}

TEST_F(HeaderMutationTest, Query) {
  Start(R"(      query_parameter_mutations:
      - {append: {record: {key: via, value: "%REQ(x-in)%"}, action: OVERWRITE_IF_EXISTS_OR_ADD}}
      - {remove: secret}
)");
  EXPECT_TRUE(Upstream("/p?secret=1&a=b&via=me", "x-in: a&b c\r\n").starts_with("GET /p?a=b&via=a%26b%20c HTTP/1.1\r\n"));
}

// Action, path before and after.
TEST(QueryMutationTest, Actions) {
  struct Case {
    Action action;
    std::string_view before;
    std::string_view after;
  };
  constexpr Case kCases[] = {
      {Action::kAppend, "/", "/?k=v"},
      {Action::kAppend, "/?", "/?k=v"},
      {Action::kAppend, "/?a=1", "/?a=1&k=v"},
      {Action::kAppend, "/?k=1", "/?k=1&k=v"},
      {Action::kAddIfAbsent, "/?k", "/?k"},
      {Action::kAddIfAbsent, "/?kk=1", "/?kk=1&k=v"},
      {Action::kOverwriteOrAdd, "/?k=1&a=2&k=3", "/?a=2&k=v"},
      {Action::kOverwriteOrAdd, "/", "/?k=v"},
      {Action::kOverwriteIfThere, "/?a=1", "/?a=1"},
      {Action::kOverwriteIfThere, "/?k=1", "/?k=v"},
  };
  base::BlockPool pool;
  base::Arena arena(pool);
  for (const Case& item : kCases) {
    const filters::header_mutation::QueryMutation mutation{
        .name = "k", .value = telemetry::TextFormat(), .action = item.action};
    EXPECT_EQ(filters::header_mutation::ApplyQueryMutation(mutation, "v", item.before, arena), item.after) << item.before;
  }
  const filters::header_mutation::QueryMutation remove{.name = "k", .value = {}};
  EXPECT_EQ(filters::header_mutation::ApplyQueryMutation(remove, "", "/p?k=1&&a&k", arena), "/p?a");
  EXPECT_EQ(filters::header_mutation::ApplyQueryMutation(remove, "", "/p?k", arena), "/p");
  EXPECT_EQ(filters::header_mutation::ApplyQueryMutation(remove, "", "/p?a=k", arena), "/p?a=k");
}

}  // namespace
}  // namespace pillion::test

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kCors = R"(- name: cors
  typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors})";

constexpr std::string_view kPreflight =
    "OPTIONS /x HTTP/1.1\r\nhost: h\r\norigin: https://a.test\r\naccess-control-request-method: PUT\r\n\r\n";

class CorsTest : public testing::Test {
 protected:
  void Start(const std::string& more = "") {
    client_.reset();
    ProxySettings settings;
    settings.http_filters = kCors;
    settings.table = "typed_per_filter_config:\n  cors:\n    \"@type\": "
                     "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy\n"
                     "    allow_origin_string_match: [{exact: \"https://a.test\"}, {suffix: \".b.test\"}]\n" + more;
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  std::string Send(std::string_view bytes) {
    client_->Send(bytes);
    world_->Run();
    if (Reached()) {
      world_->upstream().peer(0).Send(
          "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\nx-app: 1\r\ncontent-length: 0\r\n\r\n");
      world_->Run();
    }
    return client_->Take();
  }
  bool Reached() { return world_->upstream().size() > 0 && !world_->upstream().peer(0).Take().empty(); }
  static bool Has(const std::string& answer, std::string_view field) {
    return answer.find("\r\n" + std::string(field) + "\r\n") != std::string::npos;
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(CorsTest, AnswersAPreflight) {
  Start("    allow_methods: GET, PUT\n    allow_headers: x-one\n    max_age: \"60\"\n    allow_credentials: true\n"
        "    expose_headers: x-app\n");
  const std::string answer = Send(kPreflight);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  for (const std::string_view field :
       {"access-control-allow-origin: https://a.test", "access-control-allow-methods: GET, PUT",
        "access-control-allow-headers: x-one", "access-control-max-age: 60", "access-control-allow-credentials: true"}) {
    EXPECT_TRUE(Has(answer, field)) << answer;
  }
  EXPECT_FALSE(Has(answer, "access-control-expose-headers: x-app"));
  EXPECT_EQ(world_->upstream().size(), 0u);
  EXPECT_EQ(world_->stat("http.in.cors.origin_valid"), 1);
  EXPECT_EQ(world_->TakeLog(), (std::vector<std::string>{"OPTIONS /x HTTP/1.1 200 - cors_response 0 0 0"}));
}

TEST_F(CorsTest, AllowsAnAnswer) {
  Start("    expose_headers: x-app\n");
  const std::string answer = Send("GET /x HTTP/1.1\r\nhost: h\r\norigin: https://c.b.test\r\n\r\n");
  EXPECT_TRUE(Has(answer, "access-control-allow-origin: https://c.b.test")) << answer;
  EXPECT_FALSE(Has(answer, "access-control-allow-origin: *")) << answer;
  EXPECT_TRUE(Has(answer, "access-control-expose-headers: x-app")) << answer;
  EXPECT_TRUE(Has(answer, "x-app: 1")) << answer;
}

TEST_F(CorsTest, PassesOtherOrigins) {
  Start();
  const std::string answer = Send("GET /x HTTP/1.1\r\nhost: h\r\norigin: https://evil.test\r\n\r\n");
  EXPECT_TRUE(Has(answer, "access-control-allow-origin: *")) << answer;
  EXPECT_EQ(world_->stat("http.in.cors.origin_invalid"), 1);
  EXPECT_TRUE(Has(Send("GET /x HTTP/1.1\r\nhost: h\r\n\r\n"), "x-app: 1"));  // no origin at all
  EXPECT_EQ(world_->stat("http.in.cors.origin_invalid"), 1);
}

TEST_F(CorsTest, PreflightsOfOtherOrigins) {
  const std::string preflight =
      "OPTIONS /x HTTP/1.1\r\nhost: h\r\norigin: https://evil.test\r\naccess-control-request-method: PUT\r\n\r\n";
  Start();
  EXPECT_TRUE(Has(Send(preflight), "x-app: 1"));
  Start("    forward_not_matching_preflights: false\n");
  const std::string answer = Send(preflight);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.find("access-control") == std::string::npos) << answer;
  EXPECT_EQ(world_->upstream().size(), 0u);
}

TEST_F(CorsTest, OptionsThatAreNoPreflight) {
  Start();
  const std::string answer = Send("OPTIONS /x HTTP/1.1\r\nhost: h\r\norigin: https://a.test\r\n\r\n");
  EXPECT_TRUE(Has(answer, "x-app: 1")) << answer;
  EXPECT_TRUE(Has(answer, "access-control-allow-origin: https://a.test")) << answer;
}

TEST_F(CorsTest, PrivateNetworks) {
  const std::string preflight =
      "OPTIONS /x HTTP/1.1\r\nhost: h\r\norigin: https://a.test\r\naccess-control-request-method: PUT\r\n"
      "access-control-request-private-network: true\r\n\r\n";
  Start();
  EXPECT_FALSE(Has(Send(preflight), "access-control-allow-private-network: true"));
  Start("    allow_private_network_access: true\n");
  EXPECT_TRUE(Has(Send(preflight), "access-control-allow-private-network: true"));
  EXPECT_FALSE(Has(Send(kPreflight), "access-control-allow-private-network: true"));  // not asked for
}

TEST_F(CorsTest, ForNobody) {
  Start("    filter_enabled: {default_value: {numerator: 0}}\n");
  EXPECT_TRUE(Has(Send("GET /x HTTP/1.1\r\nhost: h\r\norigin: https://a.test\r\n\r\n"), "access-control-allow-origin: *"));
}

}  // namespace
}  // namespace pillion::test

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

class HealthCheckTest : public testing::Test {
 protected:
  void Start(const std::string& settings_text, uint32_t hosts = 1) {
    client_.reset();
    ProxySettings settings;
    settings.hosts = hosts;
    settings.http_filters =
        "- name: health\n"
        "  typed_config:\n"
        "    \"@type\": type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck\n"
        "    headers: [{name: \":path\", string_match: {exact: /healthz}}]\n" + settings_text;
    world_ = std::make_unique<ProxyWorld>(settings);
    world_->context().healthcheck_failed = &failed_;
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  std::string Ask(const std::string& path) {
    client_->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n\r\n");
    world_->Run();
    return client_->Take();
  }
  // Upstream's answer to what was asked.
  std::string Answer(const std::string& status) {
    world_->upstream().peer(0).Send("HTTP/1.1 " + status + "\r\ncontent-length: 0\r\n\r\n");
    world_->Run();
    return client_->Take();
  }
  std::string Line() {
    const std::vector<std::string> lines = world_->TakeLog();
    return lines.size() == 1 ? lines[0].substr(0, lines[0].rfind(" 0 0 ")) : std::to_string(lines.size()) + " lines";
  }

  std::atomic<bool> failed_ = false;
  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

constexpr std::string_view kCheckedField = "\r\nx-envoy-upstream-healthchecked-cluster:";
constexpr std::string_view kFailField = "\r\nx-envoy-immediate-health-check-fail: true\r\n";

TEST_F(HealthCheckTest, AnswersHere) {
  Start("    pass_through_mode: false\n");
  const std::string answer = Ask("/healthz");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find(kCheckedField), std::string::npos) << answer;
  EXPECT_EQ(Line(), "GET /healthz HTTP/1.1 200 - health_check_ok");
  const std::string other = Ask("/direct");
  EXPECT_TRUE(other.ends_with("direct")) << other;
  EXPECT_EQ(other.find(kCheckedField), std::string::npos) << other;
}

TEST_F(HealthCheckTest, FailsWhenTheAdministrationSaysSo) {
  for (const char* const mode : {"    pass_through_mode: false\n", "    pass_through_mode: true\n"}) {
    Start(mode);
    failed_ = true;
    EXPECT_TRUE(Ask("/healthz").starts_with("HTTP/1.1 503 ")) << mode;
    EXPECT_EQ(Line(), "GET /healthz HTTP/1.1 503 LH health_check_failed");
    EXPECT_NE(Ask("/direct").find(kFailField), std::string::npos) << "others hear of it";
    failed_ = false;
    EXPECT_EQ(Ask("/direct").find(kFailField), std::string::npos);
  }
}

TEST_F(HealthCheckTest, Clusters) {
  Start("    pass_through_mode: false\n    cluster_min_healthy_percentages: {app: {value: 100}}\n");
  EXPECT_TRUE(Ask("/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(Line(), "GET /healthz HTTP/1.1 200 - health_check_ok_cluster_healthy");
  Start("    pass_through_mode: false\n    cluster_min_healthy_percentages: {app: {value: 1}, none: {value: 1}}\n");
  EXPECT_TRUE(Ask("/healthz").starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(Line(), "GET /healthz HTTP/1.1 503 LH health_check_failed_no_cluster_found");
}

TEST_F(HealthCheckTest, ClustersWithoutHosts) {
  Start("    pass_through_mode: false\n    cluster_min_healthy_percentages: {app: {value: 0}}\n", 0);
  EXPECT_TRUE(Ask("/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
  Start("    pass_through_mode: false\n    cluster_min_healthy_percentages: {app: {value: 1}}\n", 0);
  EXPECT_TRUE(Ask("/healthz").starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(Line(), "GET /healthz HTTP/1.1 503 LH health_check_failed_cluster_empty");
}

TEST_F(HealthCheckTest, PassesThroughAndKeepsTheAnswer) {
  Start("    pass_through_mode: true\n    cache_time: 5s\n");
  EXPECT_EQ(Ask("/healthz"), "");
  EXPECT_NE(Answer("204 No Content").find(kCheckedField), std::string::npos);
  world_->TakeLog();
  world_->Wait(4000);
  EXPECT_TRUE(Ask("/healthz").starts_with("HTTP/1.1 204 "));
  EXPECT_EQ(Line(), "GET /healthz HTTP/1.1 204 LH health_check_cached");
  world_->Wait(1000);
  EXPECT_EQ(Ask("/healthz"), "") << "too old: upstream is asked again";
  EXPECT_TRUE(Answer("500 Internal Server Error").starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(Ask("/healthz").starts_with("HTTP/1.1 500 "));
}

}  // namespace
}  // namespace pillion::test

#include <gtest/gtest.h>

#include "source/filters/grpc_stats/message_counter.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using filters::grpc_stats::MessageCounter;

std::string Message(std::string_view text) {
  return std::string("\0\0\0\0", 4) + static_cast<char>(text.size()) + std::string(text);
}

TEST(MessageCounterTest, HoweverBytesAreCut) {
  const std::string bytes = Message("abc") + Message("") + Message("de");
  for (size_t cut = 1; cut <= bytes.size(); ++cut) {
    MessageCounter counter;
    for (size_t at = 0; at < bytes.size(); at += cut) counter.Count(std::string_view(bytes).substr(at, cut));
    EXPECT_EQ(counter.total(), 3u) << cut;
  }
}

TEST(MessageCounterTest, AMessageThatHasNotBegunDoesNotCount) {
  MessageCounter counter;
  EXPECT_EQ(counter.Count(std::string(4, '\0')), 0u);
  EXPECT_EQ(counter.Count(std::string(1, '\x7f')), 1u);
  EXPECT_EQ(counter.Count(std::string(0x7f, '\xff')), 0u);
  EXPECT_EQ(counter.Count(std::string("\1\xff\xff\xff\xff", 5) + std::string(100, 'x')), 1u);
}

class GrpcStatsTest : public testing::Test {
 protected:
  void Start(const std::string& settings_text, const std::string& log = "") {
    client_.reset();
    ProxySettings settings;
    settings.filter_log = log;
    settings.http_filters =
        "- name: grpc\n"
        "  typed_config:\n"
        "    \"@type\": type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig\n" + settings_text;
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  void Call(const std::string& path, const std::string& status, const std::string& type = "application/grpc") {
    const std::string body = Message("one") + Message("two");
    client_->Send("POST " + path + " HTTP/1.1\r\nhost: h\r\ncontent-type: " + type +
                  "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    world_->Run();
    world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: " + status +
                                    "\r\ncontent-length: 8\r\n\r\n" + Message("yes"));
    world_->Run();
    client_->Take();
  }
  int64_t stat(const std::string& name) { return world_->stat("cluster.app.grpc." + name); }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(GrpcStatsTest, AllMethods) {
  Start("    stats_for_all_methods: true\n");
  Call("/a.Service/Get", "0");
  Call("/a.Service/Get?x", "5");
  Call("/a.Service/Put", "0");
  EXPECT_EQ(stat("a.Service.Get.total"), 2);
  EXPECT_EQ(stat("a.Service.Get.success"), 1);
  EXPECT_EQ(stat("a.Service.Get.failure"), 1);
  EXPECT_EQ(stat("a.Service.Get.0"), 1);
  EXPECT_EQ(stat("a.Service.Get.5"), 1);
  EXPECT_EQ(stat("a.Service.Get.request_message_count"), 4);
  EXPECT_EQ(stat("a.Service.Get.response_message_count"), 2);
  EXPECT_EQ(stat("a.Service.Put.total"), 1);
}

TEST_F(GrpcStatsTest, SomeMethods) {
  Start("    individual_method_stats_allowlist: {services: [{name: s, method_names: [A, B]}]}\n");
  Call("/s/A", "0");
  Call("/s/C", "0");
  Call("/else", "99");
  EXPECT_EQ(stat("s.A.total"), 1);
  EXPECT_EQ(stat("total"), 2);
  EXPECT_EQ(stat("failure"), 1);
}

TEST_F(GrpcStatsTest, WithoutMethods) {
  Start("    replace_dots_in_grpc_service_name: true\n");
  Call("/a.b/C", "0");
  EXPECT_EQ(stat("total"), 1);
}

TEST_F(GrpcStatsTest, ReplacesDots) {
  Start("    replace_dots_in_grpc_service_name: true\n    stats_for_all_methods: true\n");
  Call("/a.b/C.D", "0");
  EXPECT_EQ(stat("a_b.C.D.total"), 1);
}

TEST_F(GrpcStatsTest, FilterState) {
  Start("    emit_filter_state: true\n",
        "%FILTER_STATE(envoy.filters.http.grpc_stats)% %FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)%");
  Call("/s/A", "0");
  EXPECT_EQ(world_->TakeLog(),
            std::vector<std::string>{R"({"requestMessageCount":"2","responseMessageCount":"1"} 2,1)"});
  Call("/s/A", "0", "text/plain");
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"- -"});
}

// Whatever peers ask for, there is an end to the counters.
TEST_F(GrpcStatsTest, MethodsAreBounded) {
  Start("    stats_for_all_methods: true\n");
  for (int i = 0; i < 510; ++i) Call("/s/M" + std::to_string(i), "0");
  EXPECT_EQ(stat("s.M499.total"), 1);
  EXPECT_EQ(stat("total"), 10);
}

}  // namespace
}  // namespace pillion::test

// gRPC-Web through the whole proxy: a browser in front, a service of gRPC behind.

#include <gtest/gtest.h>

#include <sstream>

#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

constexpr char kFilter[] =
    "- name: web\n"
    "  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb}\n";

std::string Message(std::string_view data) {
  return std::string(4, '\0') + static_cast<char>(data.size()) + std::string(data);
}
std::string Trailers(std::string_view data) {
  return '\x80' + std::string(3, '\0') + static_cast<char>(data.size()) + std::string(data);
}

class GrpcWebTest : public Http2Test {
 protected:
  void StartWeb(ProxySettings settings = {}) {
    settings.http_filters = kFilter;
    settings.http2_upstream = true;
    Start(settings);
    browser_ = world_->Connect();
  }
  void TearDown() override {
    browser_.reset();
    Http2Test::TearDown();
  }

  void Ask(const std::string& type, std::string_view body, const std::string& accept = "", const std::string& path = "/a.S/Get") {
    browser_->Send("POST " + path + " HTTP/1.1\r\nhost: h\r\ncontent-type: " + type + "\r\n" +
                   (accept.empty() ? "" : "accept: " + accept + "\r\n") +
                   "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    world_->Run();
  }
  void Answer(std::string_view data, Fields trailers, Fields head = {{"content-type", "application/grpc"}}) {
    upstream2();
    ExchangeUp(HeadersFrame(next_, Response(std::move(head)), kEndHeaders) + DataFrame(next_, std::string(data)) +
               HeadersFrame(next_, trailers));
    next_ += 2;
  }
  // What the browser gets behind the head; chunks are put together.
  std::string Body() {
    std::string answer = browser_->Take();
    const size_t end = answer.find("\r\n\r\n");
    head_ = answer.substr(0, end + 2);
    answer.erase(0, end + 4);
    if (head_.find("transfer-encoding: chunked") == head_.npos) return answer;
    std::string body;
    while (true) {
      const size_t line = answer.find("\r\n");
      if (line == answer.npos) return body + " (no end)";
      const size_t size = std::stoul(answer.substr(0, line), nullptr, 16);
      if (size == 0) return answer.substr(line) == "\r\n\r\n" ? body : body + " (trailers)";
      body += answer.substr(line + 2, size);
      answer.erase(0, line + 2 + size + 2);
    }
  }
  bool HeadHas(std::string_view field) { return head_.find("\r\n" + std::string(field) + "\r\n") != head_.npos; }
  int64_t stat(const std::string& name) { return world_->stat("cluster.app.grpc-web." + name); }

  std::unique_ptr<Peer> browser_;
  std::string head_;
  int32_t next_ = 1;
};

TEST_F(GrpcWebTest, BinaryBecomesACall) {
  StartWeb();
  Ask("application/grpc-web+proto", Message("hi"));
  EXPECT_EQ(upstream2().Take(),
            "HEADERS 1 :method=POST :scheme=http :path=/a.S/Get :authority=h content-type=application/grpc te=trailers "
            "grpc-accept-encoding=identity\nDATA 1 " + Message("hi") + " end\n");
  Answer(Message("yes"), {{"grpc-status", "0"}, {"grpc-message", "fine"}});
  EXPECT_EQ(Body(), Message("yes") + Trailers("grpc-status:0\r\ngrpc-message:fine\r\n"));
  EXPECT_TRUE(HeadHas("content-type: application/grpc-web+proto")) << head_;
  EXPECT_EQ(stat("a.S.Get.total"), 1);
  EXPECT_EQ(stat("a.S.Get.success"), 1);
  EXPECT_EQ(stat("a.S.Get.0"), 1);
}

TEST_F(GrpcWebTest, TextBothWays) {
  StartWeb();
  Ask("application/grpc-web-text", "AAAAAAFhAAAAAAFi", "application/grpc-web-text");
  const std::string asked = upstream2().Take();
  EXPECT_NE(asked.find("DATA 1 " + Message("a") + Message("b") + " end\n"), asked.npos) << asked;
  Answer(Message("a") + Message("abcd"), {{"grpc-status", "5"}});
  EXPECT_EQ(Body(), "AAAAAAFhAAAAAARhYmNkgAAAAA9ncnBjLXN0YXR1czo1DQo=");
  EXPECT_TRUE(HeadHas("content-type: application/grpc-web-text+proto")) << head_;
  EXPECT_EQ(stat("a.S.Get.failure"), 1);
  EXPECT_EQ(stat("a.S.Get.5"), 1);
}

TEST_F(GrpcWebTest, TextThatComesInPieces) {
  StartWeb();
  browser_->Send("POST /a.S/Get HTTP/1.1\r\nhost: h\r\ncontent-type: application/grpc-web-text+proto\r\n"
                 "transfer-encoding: chunked\r\n\r\n");
  const std::string text = "AAAAAAFhAA==AAAAAWI=";  // padded in the middle
  for (const char c : text) {
    browser_->Send(std::string("1\r\n") + c + "\r\n");
    world_->Run();
  }
  browser_->Send("0\r\n\r\n");
  world_->Run();
  std::string data;
  std::istringstream lines(upstream2().Take());
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with(" end")) line.erase(line.size() - 4);
    if (line.starts_with("DATA 1 ")) data += line.substr(7);
  }
  EXPECT_EQ(data, Message("a") + Message("b"));
  Answer("", {{"grpc-status", "0"}});
  EXPECT_EQ(Body(), Trailers("grpc-status:0\r\n"));  // it has asked for no text
  EXPECT_EQ(stat("a.S.Get.total"), 1);
}

TEST_F(GrpcWebTest, WhatIsNoBase64) {
  StartWeb();
  for (const auto& [text, details] : {std::pair("A===", "grpc_base_64_decode_failed"),
                                      std::pair("AAAAA", "grpc_base_64_decode_failed_bad_size")}) {
    browser_ = world_->Connect();
    Ask("application/grpc-web-text", text, "application/grpc-web-text");
    EXPECT_EQ(Body(), "");
    EXPECT_TRUE(head_.starts_with("HTTP/1.1 400 Bad Request\r\n")) << head_;
    EXPECT_TRUE(HeadHas("content-type: application/grpc-web-text+proto")) << head_;
    EXPECT_TRUE(HeadHas("grpc-message: Bad gRPC-web request, invalid base64 data.")) << head_;
    EXPECT_TRUE(HeadHas("grpc-status: 13")) << head_;
    const std::vector<std::string> lines = world_->TakeLog();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].find(std::string("400 - ") + details + " "), std::string::npos) << lines[0];
  }
}

TEST_F(GrpcWebTest, AnAnswerThatIsNoneOfGrpc) {
  StartWeb();
  Ask("application/grpc-web", Message("hi"));
  Answer("no\n100%", {{"x-t", "1"}}, {{"content-type", "text/plain"}});
  EXPECT_EQ(Body(), "");
  EXPECT_TRUE(head_.starts_with("HTTP/1.1 200 OK\r\n")) << head_;
  EXPECT_TRUE(HeadHas("content-type: application/grpc-web+proto")) << head_;
  EXPECT_TRUE(HeadHas("grpc-status: 2")) << head_;
  EXPECT_TRUE(HeadHas("grpc-message: no%0A100%25")) << head_;
  EXPECT_TRUE(HeadHas("content-length: 0")) << head_;
}

// An error page of whatever size, of which a part is enough.
TEST_F(GrpcWebTest, ALongAnswerThatIsNoneOfGrpc) {
  StartWeb();
  Ask("application/grpc-web", Message("hi"));
  upstream2();
  ExchangeUp(HeadersFrame(1, Response({{"content-type", "text/plain"}}, "502"), kEndHeaders));
  for (int i = 0; i < 8; ++i) ExchangeUp(DataFrame(1, std::string(8000, 'x'), i == 7 ? kEndStream : 0));
  EXPECT_EQ(Body(), "");
  EXPECT_TRUE(head_.starts_with("HTTP/1.1 502")) << head_.substr(0, 100);
  EXPECT_TRUE(HeadHas("grpc-status: 14"));
  EXPECT_TRUE(HeadHas("grpc-message: " + std::string(16384, 'x')));
}

TEST_F(GrpcWebTest, TrailersAlone) {
  StartWeb();
  Ask("application/grpc-web", Message("hi"));
  upstream2();
  ExchangeUp(HeadersFrame(1, Response({{"content-type", "application/grpc"}, {"grpc-status", "12"}})));
  EXPECT_EQ(Body(), "");
  EXPECT_TRUE(HeadHas("grpc-status: 12")) << head_;
  EXPECT_TRUE(HeadHas("content-type: application/grpc-web+proto")) << head_;
  EXPECT_EQ(stat("a.S.Get.12"), 1);
}

// A filter before it has answered: it is no call to anybody yet, but what the client reads.
TEST_F(GrpcWebTest, OurOwnErrors) {
  StartWeb({.route = "timeout: 1s"});
  Ask("application/grpc-web", Message("hi"));
  world_->Wait(1100);
  EXPECT_EQ(Body(), "");
  EXPECT_TRUE(head_.starts_with("HTTP/1.1 504")) << head_;
  EXPECT_TRUE(HeadHas("grpc-status: 14")) << head_;
  EXPECT_TRUE(HeadHas("grpc-message: upstream request timeout")) << head_;
}

TEST_F(GrpcWebTest, AnswersOfGrpcWebPassAsTheyAre) {
  StartWeb();
  Ask("application/grpc-web", Message("hi"));
  Answer("frames", {{"grpc-status", "0"}}, {{"content-type", "application/grpc-web+proto; charset=x"}});
  EXPECT_EQ(Body(), "frames" + Trailers("grpc-status:0\r\n"));
}

TEST_F(GrpcWebTest, OthersPassAsTheyAre) {
  StartWeb();
  Ask("application/grpc-web; charset=x", "abc");
  const std::string asked = upstream2().Take();
  EXPECT_NE(asked.find("content-type=application/grpc-web; charset=x"), asked.npos) << asked;
  Answer("hi", {{"x-t", "1"}}, {{"content-type", "text/plain"}});
  Body();
  EXPECT_TRUE(HeadHas("content-type: text/plain")) << head_;
}

TEST_F(GrpcWebTest, ARouteDisablesIt) {
  StartWeb({.entry = "typed_per_filter_config: {web: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, "
                     "disabled: true}}"});
  Ask("application/grpc-web", "abc");
  const std::string asked = upstream2().Take();
  EXPECT_NE(asked.find("content-type=application/grpc-web "), asked.npos) << asked;
}

// Whatever peers ask for, there is an end to the counters.
TEST_F(GrpcWebTest, MethodsAreBounded) {
  StartWeb();
  for (int i = 0; i < 505; ++i) {
    Ask("application/grpc-web", "", "", "/s/M" + std::to_string(i));
    Answer("", {{"grpc-status", "0"}});
    browser_->Take();
  }
  EXPECT_EQ(stat("s.M499.total"), 1);
  EXPECT_EQ(stat("total"), 5);
}

TEST_F(GrpcWebTest, PathsThatNoClientAsksFor) {
  StartWeb();
  for (const char* path : {"/", "/s", "/s/", "/s/M/x", "/s/M%20"}) {
    Ask("application/grpc-web", "", "", path);
    Answer("", {{"grpc-status", "0"}});
    EXPECT_EQ(Body(), Trailers("grpc-status:0\r\n")) << path;
  }
}

}  // namespace
}  // namespace pillion::test

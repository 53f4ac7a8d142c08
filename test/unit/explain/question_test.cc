#include "source/explain/question.h"

#include <gmock/gmock.h>

namespace pillion::explain {
namespace {

using ::testing::StartsWith;

std::string ErrorOf(const Parameters& parameters) {
  const absl::StatusOr<Question> question = ParseQuestion(parameters);
  return question.ok() ? "" : std::string(question.status().message());
}

TEST(Question, NothingSaid) {
  const Question question = *ParseQuestion({{"sni", ""}, {"path", ""}});
  EXPECT_EQ(question.method, "GET");
  EXPECT_EQ(question.path, "/");
  EXPECT_EQ(question.source.text(), "127.0.0.1:0");
  EXPECT_FALSE(question.tls);
  EXPECT_FALSE(question.random);
}

TEST(Question, AllOfIt) {
  const Question question = *ParseQuestion({{"listener", "in"},
                                            {"address", "10.0.0.1:80"},
                                            {"port", "81"},
                                            {"source", "::1"},
                                            {"destination", "10.0.0.2:82"},
                                            {"sni", "A.test"},
                                            {"alpn", "h2, http/1.1"},
                                            {"principal", "spiffe://a.test/web"},
                                            {"principal", "web.a.test"},
                                            {"method", "POST"},
                                            {"path", "/a?b"},
                                            {"authority", "pay.test:80"},
                                            {"header", "X-A: 1: 2 "},
                                            {"header", "x-a:"},
                                            {"header", "upgrade:WebSocket"},
                                            {"random", "18446744073709551615"}});
  EXPECT_EQ(question.listener, "in");
  EXPECT_EQ(question.address->text(), "10.0.0.1:80");
  EXPECT_EQ(question.port, 81);
  EXPECT_EQ(question.source.text(), "[::1]:0");
  EXPECT_EQ(question.destination->text(), "10.0.0.2:82");
  EXPECT_EQ(question.sni, "a.test");
  EXPECT_TRUE(question.tls);
  EXPECT_EQ(question.alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(question.principals, (std::vector<std::string>{"spiffe://a.test/web", "web.a.test"}));
  EXPECT_EQ(question.method, "POST");
  EXPECT_EQ(question.path, "/a?b");
  EXPECT_EQ(question.authority, "pay.test:80");
  EXPECT_EQ(question.headers, (std::vector<std::pair<std::string, std::string>>{{"x-a", "1: 2"}, {"x-a", ""}}));
  EXPECT_EQ(question.upgrade, "websocket");
  EXPECT_EQ(question.random, UINT64_MAX);
}

TEST(Question, HostAndConnect) {
  EXPECT_EQ(ParseQuestion({{"header", "Host: a.test"}})->authority, "a.test");
  EXPECT_EQ(ParseQuestion({{"method", "CONNECT"}})->path, "");
  EXPECT_EQ(ParseQuestion({{"colour", "version=v=2"}, {"colour", "env=gray"}})->colour,
            (std::vector<std::pair<std::string, std::string>>{{"env", "gray"}, {"version", "v=2"}}));
  EXPECT_EQ(ParseQuestion({{"address", "/run/x.sock"}})->address->text(), "/run/x.sock");
}

TEST(Question, WithoutTlsThereIsNothingThatOnlyTlsSays) {
  const std::string error = R"(tls: "false", but principal: "a.test", which a client has by TLS only; expected one of the two)";
  EXPECT_EQ(ErrorOf({{"tls", "false"}, {"principal", "a.test"}}), error);
  EXPECT_EQ(ErrorOf({{"principal", "a.test"}, {"tls", "false"}}), error);  // whatever comes first
  EXPECT_THAT(ErrorOf({{"tls", "false"}, {"sni", "a.test"}}), StartsWith(R"(tls: "false", but sni: "a.test", )"));
  EXPECT_THAT(ErrorOf({{"tls", "false"}, {"alpn", "h2,http/1.1"}}), StartsWith(R"(tls: "false", but alpn: "h2", )"));
  EXPECT_EQ(ErrorOf({{"tls", "true"}, {"principal", "spiffe://a.test/web"}, {"sni", "a.test"}}), "");
  const Question plain = *ParseQuestion({{"tls", "false"}, {"principal", ""}, {"alpn", ","}});
  EXPECT_TRUE(plain.plain);
  EXPECT_FALSE(plain.tls);
}

TEST(Question, WhatIsWrongIsNamed) {
  EXPECT_TRUE(ErrorOf({{"pth", "/"}}).starts_with(R"("pth": no such parameter, expected one of listener, address, port, )"));
  EXPECT_EQ(ErrorOf({{"address", "10.0.0.1"}}), R"(address: "10.0.0.1", expected IP:PORT, as 10.0.0.1:8080, or a socket's path)");
  EXPECT_EQ(ErrorOf({{"port", "0"}}), R"(port: "0", expected a number from 1 to 65535)");
  EXPECT_EQ(ErrorOf({{"destination", "a"}}), R"(destination: "a", expected IP:PORT, as 10.0.0.1:8080)");
  EXPECT_EQ(ErrorOf({{"method", "G T"}}), R"(method: "G T", expected a method, as GET)");
  EXPECT_EQ(ErrorOf({{"authority", "a@b"}}), R"(authority: "a@b", expected HOST or HOST:PORT, as pay.test or 10.0.0.1:80)");
  EXPECT_EQ(ErrorOf({{"header", ":path:/"}}), R"(header: ":path:/", expected NAME:VALUE, as x-version:2)");
  EXPECT_EQ(ErrorOf({{"header", "a:b\nc"}}), R"(header: "a:b\nc", expected a value without control characters)");
  EXPECT_TRUE(ErrorOf({{"header", "connection:close"}}).starts_with(R"(header: "connection:close", expected a field that)"));
  EXPECT_EQ(ErrorOf({{"colour", "gray"}}), R"(colour: "gray", expected KEY=VALUE, as env=gray)");
  EXPECT_EQ(ErrorOf({{"colour", "env=gray"}, {"colour", "env=blue"}}),
            R"(colour: "env=blue", expected one value of env, but there is "gray", too)");
  EXPECT_EQ(ErrorOf({{"random", "-1"}}), R"(random: "-1", expected a number from 0 to 2^64 - 1)");
  EXPECT_TRUE(ErrorOf({{"path", "/a b"}}).starts_with(R"(path: "/a b", expected a path)"));
}

}  // namespace
}  // namespace pillion::explain

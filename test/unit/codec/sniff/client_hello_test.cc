#include "source/codec/sniff/client_hello.h"

#include <gtest/gtest.h>

#include "test/unit/codec/sniff/hello_bytes.h"

namespace pillion::codec::sniff {
namespace {

using namespace pillion::test;  // NOLINT: the bytes

constexpr size_t kMax = 16384;

Found Read(std::string_view bytes) {
  ClientHello hello;
  return ReadClientHello(bytes, kMax, hello);
}

TEST(ClientHello, NameAndProtocols) {
  ClientHello hello;
  const std::string bytes =
      Hello(Extension(43, "x") + ServerName("Shop.Example.com") + Protocols({"h2", "http/1.1"}));
  EXPECT_EQ(ReadClientHello(bytes + "what follows", kMax, hello), Found::kYes);
  EXPECT_EQ(hello.server_name, "shop.example.com");
  EXPECT_EQ(hello.application_protocols, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(ReadClientHello(Hello(""), kMax, hello), Found::kYes);
  EXPECT_EQ(hello.server_name, "");
  EXPECT_TRUE(hello.application_protocols.empty());
}

TEST(ClientHello, EachBeginningNeedsMore) {
  const std::string bytes = Hello(ServerName("a.example") + Protocols({"h2"}));
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(Read(bytes.substr(0, size)), Found::kNeedMore) << size;
}

TEST(ClientHello, InAnyNumberOfRecords) {
  const std::string message = HelloMessage(ServerName("a.example"));
  for (size_t piece = 1; piece < message.size(); piece += 7) {
    std::string bytes;
    for (size_t at = 0; at < message.size(); at += piece) bytes += Record(message.substr(at, piece));
    ClientHello hello;
    EXPECT_EQ(ReadClientHello(bytes, kMax, hello), Found::kYes) << piece;
    EXPECT_EQ(hello.server_name, "a.example");
    EXPECT_EQ(Read(bytes.substr(0, bytes.size() - 1)), Found::kNeedMore);
  }
}

TEST(ClientHello, SomethingElseIsTakenForThatAtOnce) {
  EXPECT_EQ(Read("G"), Found::kNo);
  EXPECT_EQ(Read("\x16\x02"), Found::kNo);
  EXPECT_EQ(Read("\x16\x03\x09"), Found::kNo);
  EXPECT_EQ(Read(std::string("\x16\x03\x01\x00\x05\x02", 6)), Found::kNo);  // a ServerHello
  EXPECT_EQ(Read(std::string("\x80\x2e\x01\x00\x02", 5)), Found::kNo);      // SSL 2
}

TEST(ClientHello, Malformed) {
  const std::string name = ServerName("a");
  EXPECT_EQ(Read(Hello(name + name)), Found::kMalformed);  // which of the two would it be?
  EXPECT_EQ(Read(Hello(ServerName(""))), Found::kMalformed);
  EXPECT_EQ(Read(Hello(ServerName("a b"))), Found::kMalformed);
  EXPECT_EQ(Read(Hello(ServerName(std::string("a\0b", 3)))), Found::kMalformed);
  EXPECT_EQ(Read(Hello(ServerName("a\x1b[31m"))), Found::kMalformed);
  EXPECT_EQ(Read(Hello(ServerName(std::string(256, 'a')))), Found::kMalformed);
  EXPECT_EQ(Read(Hello(Extension(0, Vector(2, "")))), Found::kMalformed);
  EXPECT_EQ(Read(Hello(Extension(0, Vector(2, std::string("\0\0\1a\0\0\1b", 8))))),
            Found::kMalformed);  // two names
  EXPECT_EQ(Read(Hello(Extension(16, Vector(2, "")))), Found::kMalformed);
  EXPECT_EQ(Read(Hello(Protocols({""}))), Found::kMalformed);
  EXPECT_EQ(Read(Hello(Protocols(std::vector<std::string>(65, "p")))), Found::kMalformed);
  EXPECT_EQ(Read(Hello(BigEndian(5, 2) + BigEndian(9, 2))), Found::kMalformed);  // longer than what is there
  EXPECT_EQ(Read(Record(std::string("\x01\0\0\0", 4))), Found::kMalformed);
  EXPECT_EQ(Read(std::string("\x16\x03\x01\0\0", 5)), Found::kMalformed);  // an empty record
  EXPECT_EQ(Read("\x16\x03\x01\xff\xff\x01"), Found::kMalformed);          // a record of 64 KiB
  const std::string message = HelloMessage("");
  EXPECT_EQ(Read(Record(message.substr(0, 9)) + "\x15\x03\x01"), Found::kMalformed);  // an alert in between
}

TEST(ClientHello, Bounds) {
  ClientHello hello;
  const std::string bytes = Hello(Extension(21, std::string(1000, '\0')));
  EXPECT_EQ(ReadClientHello(bytes.substr(0, 10), 500, hello), Found::kTooLarge);  // its length says so
  EXPECT_EQ(ReadClientHello(bytes, bytes.size(), hello), Found::kYes);
  std::string drops;  // records of one byte each weigh more than what they carry
  for (const char c : HelloMessage(Extension(21, std::string(300, '\0')))) drops += Record(std::string(1, c));
  EXPECT_EQ(ReadClientHello(drops.substr(0, 600), 600, hello), Found::kTooLarge);
}

}  // namespace
}  // namespace pillion::codec::sniff

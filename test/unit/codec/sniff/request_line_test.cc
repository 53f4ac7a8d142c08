#include "source/codec/sniff/request_line.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::codec::sniff {
namespace {

Found Read(std::string_view bytes) {
  HttpVersion version;
  return ReadRequestLine(bytes, version);
}

HttpVersion VersionOf(std::string_view bytes) {
  HttpVersion version = HttpVersion::kHttp10;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(ReadRequestLine(bytes.substr(0, size), version), Found::kNeedMore) << size;
  }
  EXPECT_EQ(ReadRequestLine(bytes, version), Found::kYes);
  return version;
}

TEST(RequestLine, Versions) {
  EXPECT_EQ(VersionOf("GET / HTTP/1.1\r\n"), HttpVersion::kHttp11);
  EXPECT_EQ(VersionOf("OPTIONS * HTTP/1.0\n"), HttpVersion::kHttp10);
  EXPECT_EQ(VersionOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HttpVersion::kHttp2);
}

TEST(RequestLine, SomethingElse) {
  EXPECT_EQ(Read("\x16\x03\x01"), Found::kNo);
  EXPECT_EQ(Read(" GET / HTTP/1.1\r\n"), Found::kNo);
  EXPECT_EQ(Read("220 smtp.example.com ESMTP\r\n"), Found::kNo);
  EXPECT_EQ(Read("GET /\r\n"), Found::kNo);
  EXPECT_EQ(Read("GET / HTTP/3.0\r\n"), Found::kNo);
  EXPECT_EQ(Read("GET / HTTP/1.1\r\r\n"), Found::kNo);
  EXPECT_EQ(Read("GET /\0"), Found::kNeedMore);
  EXPECT_EQ(Read(std::string_view("GET /\0", 6)), Found::kNo);
  EXPECT_EQ(Read(std::string(33, 'A')), Found::kNo);
  EXPECT_EQ(Read(std::string(32, 'A')), Found::kNeedMore);
  EXPECT_EQ(Read("GET /" + std::string(kLongestRequestLine, 'a')), Found::kNo);
}

}  // namespace
}  // namespace pillion::codec::sniff

#include "source/codec/sniff/proxy_header.h"

#include <gtest/gtest.h>

#include <string>

#include "test/unit/codec/sniff/hello_bytes.h"

namespace pillion::codec::sniff {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

Found Read(std::string_view bytes) {
  ProxyHeader header;
  return ReadProxyHeader(bytes, header);
}

std::string Version2(char command, char family, std::string_view body) {
  return kSignature + command + family + test::Vector(2, body);
}

std::string Version2(const std::string& tlvs) {
  const std::string ends("\x01\x02\x03\x04\x05\x06\x07\x08\x00\x50\x00\x51", 12);
  const size_t length = ends.size() + tlvs.size();
  return std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11", 14) + static_cast<char>(length >> 8) +
         static_cast<char>(length & 255) + ends + tlvs;
}

TEST(ProxyHeader, Tlvs) {
  ProxyHeader header;
  const std::string bytes = Version2(std::string("\xea\0\x03" "abc" "\x04\0\0", 9));
  ASSERT_EQ(ReadProxyHeader(bytes, header), Found::kYes);
  std::vector<std::pair<int, std::string>> found;
  EXPECT_TRUE(ForEachTlv(header.tlvs, [&](uint8_t type, std::string_view value) { found.emplace_back(type, value); }));
  EXPECT_EQ(found, (std::vector<std::pair<int, std::string>>{{0xea, "abc"}, {4, ""}}));
  // A length that runs over the end, a head that is cut.
  const std::string over("\xea\0\x04" "abc", 6);
  for (const std::string& tlvs : {over, over.substr(0, 2)}) {
    const std::string cut = Version2(tlvs);
    ASSERT_EQ(ReadProxyHeader(cut, header), Found::kYes);
    EXPECT_FALSE(ForEachTlv(header.tlvs, [](uint8_t, std::string_view) {}));
  }
}

TEST(ProxyHeader, Version1) {
  ProxyHeader header;
  const std::string bytes = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";
  EXPECT_EQ(ReadProxyHeader(bytes + "GET /", header), Found::kYes);
  EXPECT_EQ(header.version, 1);
  EXPECT_EQ(header.bytes, bytes.size());
  EXPECT_TRUE(header.has_ends);
  EXPECT_FALSE(header.v6);
  EXPECT_EQ(header.source.ip[0], 192);
  EXPECT_EQ(header.source.port, 56324);
  EXPECT_EQ(header.destination.ip[3], 2);
  EXPECT_EQ(header.destination.port, 443);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(Read(bytes.substr(0, size)), Found::kNeedMore) << size;
  EXPECT_EQ(ReadProxyHeader("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", header), Found::kYes);
  EXPECT_TRUE(header.v6);
  EXPECT_EQ(header.source.ip[0], 0x20);
  EXPECT_EQ(ReadProxyHeader("PROXY UNKNOWN whatever this is\r\n", header), Found::kYes);
  EXPECT_FALSE(header.has_ends);
  EXPECT_EQ(Read("PROXY UNKNOWN\r\n"), Found::kYes);
}

TEST(ProxyHeader, Version1Malformed) {
  for (const char* line :
       {"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
        "PROXY TCP4 2001:db8::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXYTCP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY \r\n", "PROXY\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        "PROXY TCP4 host 1.2.3.4 1 2\r\n"}) {
    EXPECT_EQ(Read(line), Found::kMalformed) << line;
  }
  EXPECT_EQ(Read("PROXY UNKNOWN " + std::string(92, 'x')), Found::kNeedMore);
  EXPECT_EQ(Read("PROXY UNKNOWN " + std::string(93, 'x')), Found::kMalformed);  // 107 bytes at most
}

TEST(ProxyHeader, Version2) {
  ProxyHeader header;
  const std::string v4("\xc0\0\2\1\xc6\x33\x64\2\x12\x34\1\xbb", 12);
  const std::string bytes = Version2(0x21, 0x11, v4 + "TLVs");
  EXPECT_EQ(ReadProxyHeader(bytes + "rest", header), Found::kYes);
  EXPECT_EQ(header.version, 2);
  EXPECT_EQ(header.bytes, 32u);
  EXPECT_EQ(header.source.ip[0], 192);
  EXPECT_EQ(header.source.port, 0x1234);
  EXPECT_EQ(header.destination.port, 443);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(Read(bytes.substr(0, size)), Found::kNeedMore) << size;
  EXPECT_EQ(ReadProxyHeader(Version2(0x21, 0x21, std::string(32, 'a') + "1234"), header), Found::kYes);
  EXPECT_TRUE(header.v6);
  EXPECT_EQ(header.destination.ip[15], 'a');
  EXPECT_EQ(ReadProxyHeader(Version2(0x20, 0, "skipped"), header), Found::kYes);  // LOCAL
  EXPECT_FALSE(header.has_ends);
  EXPECT_EQ(header.bytes, 23u);
}

TEST(ProxyHeader, Version2Malformed) {
  EXPECT_EQ(Read(Version2(0x11, 0x11, std::string(12, 'a'))), Found::kMalformed);  // version 1 of 2
  EXPECT_EQ(Read(Version2(0x22, 0x11, std::string(12, 'a'))), Found::kMalformed);
  EXPECT_EQ(Read(Version2(0x21, 0x12, std::string(12, 'a'))), Found::kMalformed);  // UDP
  EXPECT_EQ(Read(Version2(0x21, 0x31, std::string(216, 'a'))), Found::kMalformed);
  EXPECT_EQ(Read(Version2(0x21, 0x11, std::string(11, 'a'))), Found::kMalformed);
  EXPECT_EQ(Read(Version2(0x21, 0x21, std::string(35, 'a'))), Found::kMalformed);
  EXPECT_EQ(Read(Version2(0x21, 0x11, std::string(kLongestProxyHeader, 'a'))), Found::kMalformed);
}

TEST(ProxyHeader, SomethingElse) {
  EXPECT_EQ(Read(""), Found::kNeedMore);
  EXPECT_EQ(Read("P"), Found::kNeedMore);
  EXPECT_EQ(Read("POST / HTTP/1.1"), Found::kNo);
  EXPECT_EQ(Read("\r\n\r\nGET / HTTP/1.1"), Found::kNo);
}

}  // namespace
}  // namespace pillion::codec::sniff

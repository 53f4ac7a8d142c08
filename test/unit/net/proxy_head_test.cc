#include "source/net/proxy_head.h"

#include <gtest/gtest.h>

#include "source/codec/sniff/proxy_header.h"
#include "source/net/proxy_head_transport.h"
#include "source/net/proxy_tlvs.h"
#include "test/support/loopback.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"
#include "test/unit/net/scripted_codec.h"

namespace pillion::net {
namespace {

using codec::sniff::Found;
using codec::sniff::ProxyHeader;

Address Ip(std::string_view ip, uint16_t port) { return *Address::Ip(ip, port); }

TEST(ProxyHead, Version1) {
  EXPECT_EQ(ProxyHead(ProxyVersion::kV1, Ip("192.0.2.1", 1234), Ip("192.0.2.2", 80)),
            "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n");
  EXPECT_EQ(ProxyHead(ProxyVersion::kV1, Ip("2001:db8::1", 1), Ip("::1", 65535)), "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
  EXPECT_EQ(ProxyHead(ProxyVersion::kV1, *Address::Unix("/run/a.sock"), *Address::Unix("/run/b.sock")), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(ProxyHead(ProxyVersion::kV1, Ip("192.0.2.1", 1), Ip("::1", 1)), "PROXY UNKNOWN\r\n");
}

TEST(ProxyHead, Tlvs) {
  std::string received;
  AppendTlv(received, 0xe1, "one");
  AppendTlv(received, 0xe2, std::string(300, 'x'));
  AppendTlv(received, 0xe3, "");
  AppendTlv(received, 0xe1, "again");
  ProxyTlvs tlvs;
  EXPECT_EQ(tlvs.Of(received), "");
  EXPECT_EQ(ProxyTlvs{.passes = TlvTypes().set()}.Of(received), received);
  tlvs.passes.set(0xe1).set(0xe3);
  tlvs.added_types.set(0xe3);
  AppendTlv(tlvs.added, 0xe3, "own");
  const std::string onward = tlvs.Of(received);
  EXPECT_EQ(onward, "\xe3" + std::string(1, '\0') + "\x03own\xe1" + std::string(1, '\0') + "\x03one\xe1" + std::string(1, '\0') + "\x05" "again");
  EXPECT_EQ(tlvs.Of(""), tlvs.added);

  const std::string head = ProxyHead(ProxyVersion::kV2, Ip("192.0.2.1", 1234), Ip("192.0.2.2", 80), onward);
  ProxyHeader header;
  ASSERT_EQ(codec::sniff::ReadProxyHeader(head, header), Found::kYes);
  EXPECT_EQ(header.bytes, head.size());
  EXPECT_EQ(header.tlvs, onward);
  EXPECT_EQ(ProxyHead(ProxyVersion::kV1, Ip("192.0.2.1", 1), Ip("192.0.2.2", 2), onward), "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
}

// The most that may be received and the most that may be added fit the length together.
TEST(ProxyHead, TheLongest) {
  ProxyTlvs tlvs{.passes = TlvTypes().set()};
  std::string received;
  AppendTlv(received, 0xe1, std::string(kMostReceivedTlvBytes - kTlvHead, 'r'));
  AppendTlv(tlvs.added, 0xe2, std::string(kMostAddedTlvBytes - kTlvHead, 'a'));
  const std::string head = ProxyHead(ProxyVersion::kV2, Ip("2001:db8::1", 1), Ip("::2", 443), tlvs.Of(received));
  EXPECT_EQ(head.size(), 16u + 65535u);
  EXPECT_EQ(head.substr(14, 2), "\xff\xff");
  EXPECT_GE(kMostReceivedTlvBytes, codec::sniff::kLongestProxyHeader);
}

// What is written is what is read.
TEST(ProxyHead, ReadBack) {
  for (const ProxyVersion version : {ProxyVersion::kV1, ProxyVersion::kV2}) {
    for (const auto& [source, destination] :
         {std::pair(Ip("192.0.2.1", 1234), Ip("198.51.100.7", 80)), std::pair(Ip("2001:db8::1", 1), Ip("::2", 443))}) {
      const std::string head = ProxyHead(version, source, destination);
      ProxyHeader header;
      ASSERT_EQ(codec::sniff::ReadProxyHeader(head, header), Found::kYes);
      EXPECT_EQ(header.bytes, head.size());
      EXPECT_TRUE(header.has_ends);
      const auto address = [&](const ProxyHeader::End& end) {
        return header.v6 ? Address::FromV6(end.ip, end.port) : Address::FromV4(std::span(end.ip).first<4>(), end.port);
      };
      EXPECT_EQ(address(header.source).text(), source.text());
      EXPECT_EQ(address(header.destination).text(), destination.text());
    }
    const std::string own = ProxyHead(version, Address(), Address());
    ProxyHeader header;
    ASSERT_EQ(codec::sniff::ReadProxyHeader(own, header), Found::kYes);
    EXPECT_FALSE(header.has_ends);
  }
}

TEST(ProxyHead, OfOwn) {
  EXPECT_EQ(ProxyHeadOfOwn(ProxyVersion::kV1, Ip("192.0.2.1", 1234), Ip("192.0.2.2", 80)),
            "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n");
  EXPECT_EQ(ProxyHeadOfOwn(ProxyVersion::kV2, Ip("192.0.2.1", 1234), Ip("192.0.2.2", 80)),
            std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16));
}

constexpr std::string_view kHead = "PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\n";

class ProxyHeadTransportTest : public testing::Test {
 public:
  void Connect(std::string head) {
    listener_ = std::make_unique<test::PeerListener>(simulation_.network(), simulation_.loop(), kServer);
    owned_ = std::make_unique<Owned>(
        simulation_.worker(),
        std::make_unique<ProxyHeadTransport>(simulation_.network().Connect(simulation_.loop(), kServer), ProxyVersion::kV1,
                                             std::move(head)),
        true);
  }

  const Address kServer = Ip("10.0.0.1", 80);
  test::Simulation simulation_;
  std::unique_ptr<test::PeerListener> listener_;
  std::unique_ptr<Owned> owned_;
};

// Also for a host that speaks first, and before what was sent while it connected.
TEST_F(ProxyHeadTransportTest, GoesFirstAndAtOnce) {
  Connect(std::string(kHead));
  simulation_.RunUntilIdle();
  EXPECT_EQ(listener_->peer(0).received(), kHead);
  owned_->codec.Send("hello");
  listener_->peer(0).Send("world");
  simulation_.RunUntilIdle();
  EXPECT_EQ(listener_->peer(0).received(), std::string(kHead) + "hello");
  EXPECT_EQ(owned_->codec.received, "world");

  Connect(std::string(kHead));
  owned_->codec.Send("hello");
  simulation_.RunUntilIdle();
  EXPECT_EQ(listener_->peer(0).received(), std::string(kHead) + "hello");
}

TEST_F(ProxyHeadTransportTest, InPieces) {
  simulation_.network().faults(kServer).most_written = 7;
  Connect(std::string(kHead));
  owned_->codec.Send("hello to you");
  simulation_.RunUntilIdle();
  EXPECT_EQ(listener_->peer(0).received(), std::string(kHead) + "hello to you");
}

TEST_F(ProxyHeadTransportTest, OfNobody) {
  Connect("");
  simulation_.RunUntilIdle();
  const std::string expected = "PROXY TCP4 " + owned_->connection.transport().local_address().ip() + " 10.0.0.1 ";
  EXPECT_TRUE(listener_->peer(0).received().starts_with(expected)) << listener_->peer(0).received();
}

TEST_F(ProxyHeadTransportTest, ConnectFails) {
  simulation_.network().faults(kServer).connect_error = ECONNREFUSED;
  Connect(std::string(kHead));
  simulation_.RunUntilIdle();
  EXPECT_TRUE(owned_->closed);
  EXPECT_EQ(owned_->error, ECONNREFUSED);
}

}  // namespace
}  // namespace pillion::net

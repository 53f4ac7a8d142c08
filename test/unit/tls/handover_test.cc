// Records after OpenSSL: where they are taken over, and what may happen then.

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "source/tls/transport.h"
#include "test/unit/tls/raw_end.h"
#include "test/unit/tls/world.h"

namespace pillion::tls {
namespace {

using ::testing::HasSubstr;

class Handover : public ::testing::Test {
 protected:
  // A server that takes anybody.
  test::Peer& ConnectRaw() {
    ContextParts parts = world_.Server();
    parts.require_peer_certificate = false;
    parts.policy = nullptr;
    return world_.ConnectRaw(Build(std::move(parts)));
  }

  World world_;
};

// The first data is opened by OpenSSL, what follows by us: wherever the bytes are cut.
TEST_F(Handover, RecordsCutAnywhere) {
  for (size_t cut = 1; cut < 90; ++cut) {
    World world;
    ContextParts parts = world.Server();
    parts.require_peer_certificate = false;
    parts.policy = nullptr;
    test::Peer& peer = world.ConnectRaw(Build(std::move(parts)));
    RawClient client(world, peer);
    ASSERT_EQ(client.Handshake(), 1);
    for (const std::string_view text : {"one", "two", "three", "four"}) {
      EXPECT_EQ(SSL_write(client.ssl(), text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
    }
    const std::string records = client.Taken();
    peer.Send(records.substr(0, cut));
    world.Run();
    peer.Send(records.substr(cut, 7));
    world.Run();
    peer.Send(records.substr(std::min(records.size(), cut + 7)));
    world.Run();
    EXPECT_EQ(world.server->received(), "onetwothreefour") << cut;
    EXPECT_EQ(world.server->error(), 0);
  }
}

// A server's tickets come before and between its data, in records that are smaller than they are.
TEST_F(Handover, TicketsCutAnywhere) {
  size_t whole = 100;
  for (size_t cut = 1; cut < whole; cut += 13) {
    World world;
    test::Peer& peer = world.ConnectToRaw(Build(world.Client()));
    RawEnd server(world, peer, true);
    SSL_set_max_send_fragment(server.ssl(), 512);
    for (int i = 0; i < 3 && SSL_do_handshake(server.ssl()) != 1; ++i) server.Pump();
    const auto say = [&](std::string_view text) {
      EXPECT_EQ(SSL_write(server.ssl(), text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
    };
    say("one");
    SSL_new_session_ticket(server.ssl());
    say("two");
    SSL_new_session_ticket(server.ssl());
    say("three");
    const std::string records = server.Taken();
    whole = records.size();
    peer.Send(records.substr(0, cut));
    world.Run();
    peer.Send(records.substr(std::min(whole, cut)));
    world.Run();
    EXPECT_EQ(world.client->received(), "onetwothree") << cut;
    EXPECT_EQ(world.client->error(), 0);
  }
  EXPECT_GT(whole, 500u);
}

// What RFC 6066, 4 lets a client ask for still holds when data has come.
TEST_F(Handover, SmallFragments) {
  test::Peer& peer = ConnectRaw();
  RawClient client(world_, peer);
  SSL_set_tlsext_max_fragment_length(client.ssl(), TLSEXT_max_fragment_length_512);
  ASSERT_EQ(client.Handshake(), 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(SSL_write(client.ssl(), "hi", 2), 2);
    client.Pump();
    world_.server->Send(std::string(3000, 'x'));
    client.Pump();
    std::string got;
    char text[4096];
    for (int size = 0; (size = SSL_read(client.ssl(), text, sizeof(text))) > 0;) got.append(text, static_cast<size_t>(size));
    EXPECT_EQ(got.size(), 3000u);
  }
}

TEST_F(Handover, KeyUpdatesAfterData) {
  test::Peer& peer = ConnectRaw();
  RawClient client(world_, peer);
  ASSERT_EQ(client.Handshake(), 1);
  std::string sent;
  std::string got;
  for (int i = 0; i < 8; ++i) {
    sent += "hi";
    EXPECT_EQ(SSL_write(client.ssl(), "hi", 2), 2);
    client.Pump();
    world_.server->Send("answer");
    client.Pump();
    char text[64];
    const int size = SSL_read(client.ssl(), text, sizeof(text));
    ASSERT_GT(size, 0) << i;
    got.append(text, static_cast<size_t>(size));
    SSL_key_update(client.ssl(), i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(client.ssl());
  }
  EXPECT_EQ(world_.server->received(), sent);
  EXPECT_EQ(got, "answeransweransweransweransweransweransweranswer");
  EXPECT_EQ(world_.server->error(), 0);
}

TEST_F(Handover, J34AFloodOfKeyUpdatesAfterDataEnds) {
  test::Peer& peer = ConnectRaw();
  RawClient client(world_, peer);
  ASSERT_EQ(client.Handshake(), 1);
  EXPECT_EQ(SSL_write(client.ssl(), "hi", 2), 2);
  client.Pump();
  for (int i = 0; i < 110; ++i) {
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(client.ssl());
    client.Pump();
  }
  EXPECT_EQ(world_.server->error(), EPROTO);
  EXPECT_EQ(world_.server_tls->failure(), "too many TLS handshake messages on an open connection");
}

TEST_F(Handover, ABadRecordAfterDataIsToldToThePeer) {
  test::Peer& peer = ConnectRaw();
  RawClient client(world_, peer);
  ASSERT_EQ(client.Handshake(), 1);
  EXPECT_EQ(SSL_write(client.ssl(), "hi", 2), 2);
  client.Pump();
  // In two parts, with time between them.
  EXPECT_EQ(SSL_write(client.ssl(), "good", 4), 4);
  client.Pump(std::string("\x17\x03\x03\x00\x20", 5) + "0123");
  EXPECT_EQ(world_.server->received(), "higood");
  EXPECT_EQ(world_.server->error(), 0);
  client.Pump(std::string(28, 'x'));
  EXPECT_EQ(world_.server->error(), EPROTO);
  EXPECT_THAT(world_.server_tls->failure(), HasSubstr("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"));
  char text[8];
  EXPECT_LE(SSL_read(client.ssl(), text, sizeof(text)), 0);
  EXPECT_EQ(ERR_GET_REASON(ERR_get_error()), SSL_AD_REASON_OFFSET + SSL_AD_BAD_RECORD_MAC);
}

TEST_F(Handover, AnEndWithinARecordAfterData) {
  test::Peer& peer = ConnectRaw();
  RawClient client(world_, peer);
  ASSERT_EQ(client.Handshake(), 1);
  EXPECT_EQ(SSL_write(client.ssl(), "hi", 2), 2);
  client.Pump(std::string("\x17\x03\x03\x00\x20", 5));
  peer.EndSending();
  world_.Run();
  EXPECT_FALSE(world_.server->ended());
  EXPECT_EQ(world_.server->error(), ECONNRESET);
}

}  // namespace
}  // namespace pillion::tls

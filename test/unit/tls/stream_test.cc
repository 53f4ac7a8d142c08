// Streams of a library beside transports of ours, with one context.

#include "source/tls/stream.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/unit/tls/world.h"

namespace pillion::tls {
namespace {

using ::testing::HasSubstr;

// Both ends of a handshake over two pipes of OpenSSL's; what the client was issued may be null.
class StreamPair {
 public:
  StreamPair(const Context& server, const test::Issued* client) : client_context_(SSL_CTX_new(TLS_client_method())) {
    if (client != nullptr) {
      SSL_CTX_use_certificate(client_context_, client->certificate());
      SSL_CTX_use_PrivateKey(client_context_, client->key());
    }
    server_ = NewServerStream(server);
    client_ = SSL_new(client_context_);
    BIO* near = nullptr;
    BIO* far = nullptr;
    BIO_new_bio_pair(&near, 0, &far, 0);
    SSL_set_bio(client_, near, near);
    SSL_set_bio(server_, far, far);
    SSL_set_connect_state(client_);
    SSL_set_accept_state(server_);
    for (int i = 0; i < 5; ++i) {
      SSL_do_handshake(client_);
      result_ = SSL_do_handshake(server_);
    }
  }
  StreamPair(const StreamPair&) = delete;
  StreamPair& operator=(const StreamPair&) = delete;
  ~StreamPair() {
    SSL_free(client_);
    SSL_free(server_);
    SSL_CTX_free(client_context_);
  }

  bool done() const { return result_ == 1; }
  std::string refusal() const { return StreamRefusal(server_); }

 private:
  SSL_CTX* client_context_;
  SSL* server_ = nullptr;
  SSL* client_ = nullptr;
  int result_ = 0;
};

TEST(Stream, VerifiesAsATransportDoes) {
  World world;
  const auto context = Build(world.Server());
  EXPECT_TRUE(StreamPair(*context, &world.client_svid).done());
  const test::Issued stranger = test::IssueSvid(test::IssueCertificate(test::CaSpec("other")), "spiffe://td.test/client");
  const StreamPair refused(*context, &stranger);
  EXPECT_FALSE(refused.done());
  EXPECT_THAT(refused.refusal(), HasSubstr("verify cert failed"));
  const StreamPair nameless(*context, nullptr);
  EXPECT_FALSE(nameless.done());
  EXPECT_EQ(nameless.refusal(), "");
}

TEST(Stream, LeavesTheContextToTransports) {
  World world;
  const auto context = Build(world.Server());
  EXPECT_TRUE(StreamPair(*context, &world.client_svid).done());
  world.Connect(context, Build(world.Client()));
  EXPECT_TRUE(StreamPair(*context, &world.client_svid).done());
  world.client->Send("one");
  world.Run();
  world.server->Send("two");  // by our own records, for which the secrets were taken from OpenSSL
  world.Run();
  EXPECT_EQ(world.server->received(), "one");
  EXPECT_EQ(world.client->received(), "two");
  ASSERT_NE(world.server_tls->tls(), nullptr);
  EXPECT_TRUE(world.server_tls->tls()->peer_verified());
}

}  // namespace
}  // namespace pillion::tls

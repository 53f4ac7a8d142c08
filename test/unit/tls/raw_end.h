#pragma once

// The other end of a transport by OpenSSL alone, over a raw peer.

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <string>
#include <variant>

#include "test/unit/tls/world.h"

namespace pillion::tls {

class RawEnd {
 public:
  RawEnd(World& world, test::Peer& peer, bool server)
      : world_(world), peer_(peer), context_(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method())) {
    if (server) {
      const identity::KeyPair pair =
          std::get<identity::KeyPair>(identity::ReadKeyPair(world.server_svid.pem(), world.server_svid.key_pem(), ""));
      SSL_CTX_use_cert_and_key(context_, pair.leaf(), pair.key.get(), nullptr, 1);
    }
    ssl_ = SSL_new(context_);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_, in_, out_);
    server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
  }
  RawEnd(const RawEnd&) = delete;
  RawEnd& operator=(const RawEnd&) = delete;
  ~RawEnd() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  SSL* ssl() { return ssl_; }
  int Handshake() {
    int result = 0;
    for (int i = 0; i < 5 && result != 1; ++i) {
      result = SSL_do_handshake(ssl_);
      Pump();
    }
    return result;
  }
  // What waits to be sent.
  std::string Taken() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(out_, &data);
    std::string taken(data, static_cast<size_t>(size));
    BIO_reset(out_);
    return taken;
  }
  // Sends what waits, and `more` behind it, lets the other end answer, and takes it.
  void Pump(const std::string& more = "") {
    const std::string sent = Taken() + more;
    if (!sent.empty()) peer_.Send(sent);
    world_.Run();
    const std::string got = peer_.Take();
    BIO_write(in_, got.data(), static_cast<int>(got.size()));
  }

 private:
  World& world_;
  test::Peer& peer_;
  SSL_CTX* context_;
  SSL* ssl_;
  BIO* in_;
  BIO* out_;
};

struct RawClient : RawEnd {
  RawClient(World& world, test::Peer& peer) : RawEnd(world, peer, false) {}
};

}  // namespace pillion::tls

#include "source/tls/stream.h"

#include <openssl/ssl.h>

#include <memory>
#include <optional>

namespace pillion::tls {
namespace {

// Where a connection keeps why its peer was refused, a std::string.
int RefusalIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr,
                                                [](void*, void* text, CRYPTO_EX_DATA*, int, long, void*) {
                                                  delete static_cast<std::string*>(text);
                                                });
  return index;
}

// And where its context, of streams only.
int ContextIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

// What can't be taken from a connection, because OpenSSL has it of contexts only (who is verified, and secrets), looks for
// the transport and finds none.
SSL* NewServerStream(const Context& context) {
  SSL* const ssl = SSL_new(context.openssl());
  if (ssl == nullptr) return nullptr;
  SSL_set_msg_callback(ssl, nullptr);
  SSL_set_options(ssl, SSL_OP_NO_TICKET);  // the keys of tickets are asked of a transport
  SSL_set_num_tickets(ssl, 0);
  if (SSL_set_ex_data(ssl, ContextIndex(), const_cast<Context*>(&context)) == 1) return ssl;
  SSL_free(ssl);
  return nullptr;
}

int VerifyOfStream(SSL* ssl, X509_STORE_CTX* store) {
  const auto* const context = static_cast<const Context*>(SSL_get_ex_data(ssl, ContextIndex()));
  if (context == nullptr) return 0;
  const identity::PeerPolicy* const policy = context->policy();
  if (policy == nullptr) return 1;
  const std::optional<identity::Refusal> refusal = policy->Check(store, identity::PeerRole::kClient, "");
  if (!refusal) return 1;
  X509_STORE_CTX_set_error(store, refusal->x509_error);
  auto text = std::make_unique<std::string>(refusal->text);
  // Checked once in a connection's life, for there is no renegotiation.
  if (SSL_set_ex_data(ssl, RefusalIndex(), text.get()) == 1) text.release();
  return 0;
}

std::string StreamRefusal(const SSL* ssl) {
  const auto* const text = static_cast<const std::string*>(SSL_get_ex_data(ssl, RefusalIndex()));
  return text == nullptr ? std::string() : *text;
}

}  // namespace pillion::tls

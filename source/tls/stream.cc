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

int OnVerify(X509_STORE_CTX* store, void* context) {
  const identity::PeerPolicy* const policy = static_cast<const Context*>(context)->policy();
  if (policy == nullptr) return 1;
  const std::optional<identity::Refusal> refusal = policy->Check(store, identity::PeerRole::kClient, "");
  if (!refusal) return 1;
  X509_STORE_CTX_set_error(store, refusal->x509_error);
  auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto text = std::make_unique<std::string>(refusal->text);
  // Checked once in a connection's life, for there is no renegotiation.
  if (SSL_set_ex_data(ssl, RefusalIndex(), text.get()) == 1) text.release();
  return 0;
}

}  // namespace

SSL* NewServerStream(const Context& context) {
  SSL_CTX_set_msg_callback(context.openssl(), nullptr);
  SSL_CTX_set_keylog_callback(context.openssl(), nullptr);
  SSL_CTX_set_options(context.openssl(), SSL_OP_NO_TICKET);  // the keys of tickets are asked of a transport
  SSL_CTX_set_num_tickets(context.openssl(), 0);
  SSL_CTX_set_cert_verify_callback(context.openssl(), OnVerify, const_cast<Context*>(&context));
  return SSL_new(context.openssl());
}

std::string StreamRefusal(const SSL* ssl) {
  const auto* const text = static_cast<const std::string*>(SSL_get_ex_data(ssl, RefusalIndex()));
  return text == nullptr ? std::string() : *text;
}

}  // namespace pillion::tls

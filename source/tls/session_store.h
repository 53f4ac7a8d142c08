#pragma once

// Sessions that a client may resume. Of one cluster and worker, used on that worker; no session outlives the context that
// it began under.

#include <openssl/ssl.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace pillion::tls {

class Context;

class SessionStore {
 public:
  explicit SessionStore(size_t most) : most_(most) {}
  SessionStore(const SessionStore&) = delete;
  SessionStore& operator=(const SessionStore&) = delete;
  ~SessionStore() { Clear(); }

  // Takes over one reference of `session`. The oldest gives way.
  void Put(const std::shared_ptr<const Context>& context, std::string_view server_name, SSL_SESSION* session);
  // The newest, with a reference for the caller; null: none. What may be used only once (TLS 1.3) is taken out.
  SSL_SESSION* Take(const std::shared_ptr<const Context>& context, std::string_view server_name);
  // It is not given out any more.
  void Forget(const SSL_SESSION* session);

 private:
  struct Entry {
    std::string server_name;
    SSL_SESSION* session;
  };

  void Clear();

  const size_t most_;
  std::shared_ptr<const Context> context_;  // of all of them
  std::deque<Entry> entries_;               // the newest in front
};

}  // namespace pillion::tls

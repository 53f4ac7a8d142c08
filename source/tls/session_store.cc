#include "source/tls/session_store.h"

namespace pillion::tls {

void SessionStore::Put(const std::shared_ptr<const Context>& context, std::string_view server_name,
                       SSL_SESSION* session) {
  if (most_ == 0) {
    SSL_SESSION_free(session);
    return;
  }
  if (context != context_) Clear();
  context_ = context;
  entries_.push_front({std::string(server_name), session});
  if (entries_.size() <= most_) return;
  SSL_SESSION_free(entries_.back().session);
  entries_.pop_back();
}

SSL_SESSION* SessionStore::Take(const std::shared_ptr<const Context>& context, std::string_view server_name) {
  if (context != context_) return nullptr;
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->server_name != server_name) continue;
    SSL_SESSION* const session = entry->session;
    if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION) {
      entries_.erase(entry);
    } else {
      SSL_SESSION_up_ref(session);
    }
    return session;
  }
  return nullptr;
}

void SessionStore::Forget(const SSL_SESSION* session) {
  std::erase_if(entries_, [session](const Entry& entry) {
    if (entry.session != session) return false;
    SSL_SESSION_free(entry.session);
    return true;
  });
}

void SessionStore::Clear() {
  for (const Entry& entry : entries_) SSL_SESSION_free(entry.session);
  entries_.clear();
}

}  // namespace pillion::tls

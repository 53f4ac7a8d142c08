#include "source/proxy/listener_index.h"

namespace pillion::proxy {
namespace {

std::string Wildcard(bool v6, uint16_t port) {
  return (v6 ? "[::]:" : "0.0.0.0:") + std::to_string(port);
}

}  // namespace

void ListenerIndex::Add(const net::Address& address, bool v4_too, ListenerShard& listener) {
  by_text_.try_emplace(address.text(), &listener);
  if (v4_too) by_text_.try_emplace(Wildcard(false, address.port()), &listener);
}

void ListenerIndex::Remove(const ListenerShard& listener) {
  absl::erase_if(by_text_, [&](const auto& entry) { return entry.second == &listener; });
}

ListenerShard* ListenerIndex::Find(const net::Address& address) const {
  const auto exact = by_text_.find(address.text());
  if (exact != by_text_.end()) return exact->second;
  const auto any = by_text_.find(Wildcard(address.family() == AF_INET6, address.port()));
  return any == by_text_.end() ? nullptr : any->second;
}

}  // namespace pillion::proxy

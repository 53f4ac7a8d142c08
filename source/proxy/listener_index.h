#pragma once

// One worker's listeners by their addresses: who a redirected connection was meant for. Used on the worker.

#include <string>

#include "absl/container/flat_hash_map.h"
#include "source/net/address.h"

namespace pillion::proxy {

class ListenerShard;

class ListenerIndex {
 public:
  // `v4_too`: an IPv6 wildcard that takes IPv4.
  void Add(const net::Address& address, bool v4_too, ListenerShard& listener);

  void Remove(const ListenerShard& listener);

  // The one of that address, else the one of all addresses at its port; null: none.
  ListenerShard* Find(const net::Address& address) const;

 private:
  absl::flat_hash_map<std::string, ListenerShard*> by_text_;
};

}  // namespace pillion::proxy

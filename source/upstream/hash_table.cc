#include "source/upstream/hash_table.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "source/base/murmur_hash2.h"
#include "source/base/xxhash64.h"
#include "source/upstream/host_set.h"

namespace pillion::upstream {
namespace {

void AddMembers(const Hosts& hosts, double share, std::vector<HashTable::Member>& members) {
  double sum = 0;
  for (const std::shared_ptr<Host>& host : hosts) sum += host->weight();
  for (const std::shared_ptr<Host>& host : hosts) members.push_back({host, host->weight() * share / sum});
}

std::string_view KeyOf(const Host& host, const config::LoadBalancing& config) {
  if (host.metadata() != nullptr) {
    const config::MetadataValue* key = host.metadata()->Find(config::kLbNamespace, "hash_key");
    const auto* text = key == nullptr ? nullptr : std::get_if<std::string>(&key->value);
    if (text != nullptr && !text->empty()) return *text;
  }
  return config.hash_hostname ? host.hostname() : host.address_text();
}

}  // namespace

HashTable::HashTable(const config::LoadBalancing& config, const PriorityHosts& priority, bool panic) {
  uint64_t locality_weights = 0;
  if (config.locality_weighted) {
    for (const LocalityHosts& locality : priority.localities) locality_weights += locality.weight;
  }
  if (locality_weights == 0) {
    AddMembers(panic ? priority.hosts : priority.healthy, 1, members_);
  } else {
    for (const LocalityHosts& locality : priority.localities) {
      const double share = static_cast<double>(locality.weight) / static_cast<double>(locality_weights);
      if (share > 0) AddMembers(panic ? locality.hosts : locality.healthy, share, members_);
    }
  }
  if (members_.empty()) return;
  config.policy == config::LoadBalancing::Policy::kRingHash ? MakeRing(config) : MakeTable(config);
}

void HashTable::MakeRing(const config::LoadBalancing& config) {
  const auto lightest = std::min_element(members_.begin(), members_.end(),
                                         [](const Member& a, const Member& b) { return a.weight < b.weight; });
  // The lightest host gets a whole number of points, the others as many as their weights say, as exactly as their sum
  // allows.
  const double scale =
      std::min(std::ceil(lightest->weight * static_cast<double>(config.min_ring_size)) / lightest->weight,
               static_cast<double>(config.max_ring_size));
  ring_.reserve(static_cast<size_t>(std::ceil(scale)));
  fewest_ = static_cast<uint64_t>(std::ceil(scale));
  double made = 0;
  double wanted = 0;
  std::string key;
  for (uint32_t member = 0; member < members_.size(); ++member) {
    key = KeyOf(*members_[member].host, config);
    key += '_';
    const size_t prefix = key.size();
    wanted += scale * members_[member].weight;
    uint64_t index = 0;
    for (; made < wanted; ++made, ++index) {
      key.resize(prefix);
      key += std::to_string(index);
      ring_.push_back({config.murmur ? base::MurmurHash2(key) : base::XxHash64(key), member});
    }
    fewest_ = std::min(fewest_, index);
    most_ = std::max(most_, index);
  }
  std::sort(ring_.begin(), ring_.end(), [](const Point& a, const Point& b) { return a.hash < b.hash; });
}

void HashTable::MakeTable(const config::LoadBalancing& config) {
  struct Filling {
    uint64_t next;  // place that it would take
    uint64_t skip;
    double weight;
    double target = 0;
    uint64_t count = 0;
  };
  const uint64_t size = config.maglev_table_size;
  // Whatever the order in which they came: the same hosts make the same table in every proxy.
  std::sort(members_.begin(), members_.end(), [&](const Member& a, const Member& b) {
    return KeyOf(*a.host, config) < KeyOf(*b.host, config);
  });
  double heaviest = 0;
  std::vector<Filling> fillings;
  for (const Member& member : members_) {
    const std::string_view key = KeyOf(*member.host, config);
    fillings.push_back({.next = base::XxHash64(key) % size,
                        .skip = base::XxHash64(key, 1) % (size - 1) + 1,
                        .weight = member.weight});
    heaviest = std::max(heaviest, member.weight);
  }
  constexpr uint32_t kFree = UINT32_MAX;
  table_.assign(size, kFree);
  // Each takes one place a round, lighter ones not in every round.
  uint64_t filled = 0;
  for (uint32_t round = 1; filled < size; ++round) {
    for (uint32_t member = 0; member < fillings.size() && filled < size; ++member) {
      Filling& filling = fillings[member];
      if (round * filling.weight < filling.target) continue;
      filling.target += heaviest;
      while (table_[filling.next] != kFree) filling.next = (filling.next + filling.skip) % size;
      table_[filling.next] = member;
      ++filling.count;
      ++filled;
    }
  }
  fewest_ = size;
  for (const Filling& filling : fillings) {
    fewest_ = std::min(fewest_, filling.count);
    most_ = std::max(most_, filling.count);
  }
}

const HashTable::Member* HashTable::Find(uint64_t hash, uint32_t attempt) const {
  if (!ring_.empty()) {
    const auto next = std::lower_bound(ring_.begin(), ring_.end(), hash,
                                       [](const Point& point, uint64_t hash) { return point.hash < hash; });
    const size_t place = next == ring_.end() ? 0 : static_cast<size_t>(next - ring_.begin());
    return &members_[ring_[(place + attempt) % ring_.size()].member];
  }
  if (table_.empty()) return nullptr;
  if (attempt > 0) hash ^= ~uint64_t{0} - attempt + 1;
  return &members_[table_[hash % table_.size()]];
}

}  // namespace pillion::upstream

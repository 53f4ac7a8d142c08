#include "source/upstream/hash_table.h"

#include <gtest/gtest.h>

#include <map>

#include "source/base/murmur_hash2.h"
#include "source/base/random.h"
#include "source/base/xxhash64.h"
#include "source/upstream/host_set.h"

namespace pillion::upstream {
namespace {

using Policy = config::LoadBalancing::Policy;

std::shared_ptr<Host> MakeHost(int number, uint32_t weight = 1) {
  config::Endpoint endpoint;
  endpoint.weight = weight;
  return std::make_shared<Host>(*net::Address::Ip("10.0.0." + std::to_string(number), 80), endpoint, 1);
}

config::LoadBalancing With(Policy policy) {
  config::LoadBalancing config;
  config.policy = policy;
  return config;
}

// How many of `hashes` go to each host.
std::map<std::string, int> Count(const HashTable& table, int hashes, uint64_t seed) {
  base::Random random(seed);
  std::map<std::string, int> counts;
  for (int i = 0; i < hashes; ++i) ++counts[table.Find(random.Next(), 0)->host->address_text()];
  return counts;
}

TEST(HashTable, NoHosts) {
  for (const Policy policy : {Policy::kRingHash, Policy::kMaglev}) {
    const HostSet set = MakeHostSet({}, With(policy), {});
    EXPECT_EQ(set.priorities[0].table->Find(1, 0), nullptr);
  }
}

TEST(HashTable, SharesFollowWeights) {
  for (const Policy policy : {Policy::kRingHash, Policy::kMaglev}) {
    config::LoadBalancing config = With(policy);
    config.min_ring_size = 65536;
    const HostSet set = MakeHostSet({MakeHost(1), MakeHost(2, 2), MakeHost(3, 5)}, config, {});
    const auto counts = Count(*set.priorities[0].table, 80000, 1);
    EXPECT_NEAR(counts.at("10.0.0.1:80"), 10000, 700);
    EXPECT_NEAR(counts.at("10.0.0.2:80"), 20000, 900);
    EXPECT_NEAR(counts.at("10.0.0.3:80"), 50000, 1200);
  }
}

TEST(HashTable, AnotherHash) {
  config::LoadBalancing config = With(Policy::kRingHash);
  const Hosts hosts = {MakeHost(1), MakeHost(2), MakeHost(3)};
  const HostSet plain = MakeHostSet(hosts, config, {});
  config.murmur = true;
  const HostSet murmur = MakeHostSet(hosts, config, {});
  // A point of the ring is the hash of a host and a number.
  const uint64_t point = base::MurmurHash2("10.0.0.2:80_7");
  EXPECT_EQ(murmur.priorities[0].table->Find(point, 0)->host, hosts[1]);
  int others = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    const uint64_t hash = i * 0x9e3779b97f4a7c15;
    others += plain.priorities[0].table->Find(hash, 0)->host != murmur.priorities[0].table->Find(hash, 0)->host;
  }
  EXPECT_GT(others, 300);
}

TEST(HashTable, Sizes) {
  config::LoadBalancing config = With(Policy::kRingHash);
  const Hosts hosts = {MakeHost(1), MakeHost(2), MakeHost(3)};
  // A whole number for each, as many as the ring has to have at least.
  EXPECT_EQ(MakeHostSet(hosts, config, {}).priorities[0].table->size(), 1026u);
  EXPECT_EQ(MakeHostSet(hosts, config, {}).priorities[0].table->fewest(), 342u);
  config.min_ring_size = config.max_ring_size = 10;
  const HostSet small = MakeHostSet(hosts, config, {});
  EXPECT_EQ(small.priorities[0].table->size(), 10u);
  EXPECT_EQ(small.priorities[0].table->most(), 4u);
  config = With(Policy::kMaglev);
  config.maglev_table_size = 101;
  const HostSet maglev = MakeHostSet(hosts, config, {});
  EXPECT_EQ(maglev.priorities[0].table->size(), 101u);
  EXPECT_EQ(maglev.priorities[0].table->fewest(), 33u);
  EXPECT_EQ(maglev.priorities[0].table->most(), 34u);
}

// When a host goes, what it had is spread over the others; what the others had stays: all of it on a ring, nearly all of
// it with Maglev.
TEST(HashTable, FewHashesMoveWhenAHostGoes) {
  for (const Policy policy : {Policy::kRingHash, Policy::kMaglev}) {
    Hosts hosts;
    for (int i = 1; i <= 10; ++i) hosts.push_back(MakeHost(i));
    config::LoadBalancing config = With(policy);
    config.min_ring_size = 1;  // more would be divided anew
    const HostSet before = MakeHostSet(hosts, config, {});
    hosts[4]->SetFlags(kFailedActiveCheck);
    const HostSet after = MakeHostSet(hosts, config, {});
    base::Random random(3);
    int moved = 0;
    int had = 0;
    for (int i = 0; i < 20000; ++i) {
      const uint64_t hash = random.Next();
      const auto& first = before.priorities[0].table->Find(hash, 0)->host;
      const auto& second = after.priorities[0].table->Find(hash, 0)->host;
      EXPECT_NE(second, hosts[4]);
      had += first == hosts[4];
      moved += first != hosts[4] && first != second;
    }
    EXPECT_GT(had, 100);
    if (policy == Policy::kRingHash) {
      EXPECT_EQ(moved, 0);
    } else {
      EXPECT_LT(moved, 20000 / 20);
    }
  }
}

TEST(HashTable, FurtherAttemptsFindOthers) {
  for (const Policy policy : {Policy::kRingHash, Policy::kMaglev}) {
    const HostSet set = MakeHostSet({MakeHost(1), MakeHost(2), MakeHost(3), MakeHost(4)}, With(policy), {});
    base::Random random(5);
    int others = 0;
    for (int i = 0; i < 1000; ++i) {
      const uint64_t hash = random.Next();
      others += set.priorities[0].table->Find(hash, 0) != set.priorities[0].table->Find(hash, 1);
    }
    EXPECT_GT(others, 650);
  }
}

// What Envoy 1.39 chose for key0, key1, ... among 127.0.0.1:23801 to 23805.
TEST(HashTable, ChoosesAsEnvoyDoes) {
  struct Case {
    Policy policy;
    bool weighted;  // 1, 2, 3, 4, 5
    uint64_t ring_size;
    uint32_t table_size;
    std::vector<int> chosen;
  };
  const Case cases[] = {
      {Policy::kRingHash, false, 1024, 0, {1, 2, 3, 5, 3, 3, 1, 4, 5, 5, 1, 4, 3, 2, 3, 1, 1, 3, 5, 2, 5, 3, 4, 5}},
      {Policy::kRingHash, true, 100, 0, {5, 2, 3, 2, 5, 5, 5, 5, 5, 2, 4, 2, 5, 2, 2, 1, 4, 5, 5, 5, 3, 4, 5, 5}},
      {Policy::kMaglev, false, 0, 65537, {2, 1, 3, 1, 3, 2, 5, 2, 2, 4, 1, 5, 1, 3, 4, 4, 5, 2, 4, 4, 5, 3, 4, 4}},
      {Policy::kMaglev, true, 0, 1009, {4, 4, 4, 3, 5, 4, 3, 5, 4, 3, 5, 5, 5, 4, 3, 3, 4, 4, 2, 2, 3, 5, 5, 1}},
  };
  for (const Case& each : cases) {
    config::LoadBalancing config = With(each.policy);
    config.min_ring_size = each.ring_size;
    config.maglev_table_size = each.table_size;
    Hosts hosts;
    for (uint32_t i = 1; i <= 5; ++i) {
      config::Endpoint endpoint;
      endpoint.weight = each.weighted ? i : 1;
      hosts.push_back(
          std::make_shared<Host>(*net::Address::Ip("127.0.0.1", static_cast<uint16_t>(23800 + i)), endpoint, 1));
    }
    const HostSet set = MakeHostSet(hosts, config, {});
    std::vector<int> chosen;
    for (size_t i = 0; i < each.chosen.size(); ++i) {
      const uint64_t hash = base::XxHash64("key" + std::to_string(i));
      chosen.push_back(set.priorities[0].table->Find(hash, 0)->host->address().port() - 23800);
    }
    EXPECT_EQ(chosen, each.chosen);
  }
}

TEST(HashTable, KeysOfMetadataAndNames) {
  auto metadata = std::make_shared<config::Metadata>();
  metadata->namespaces["envoy.lb"]["hash_key"] = {std::string("10.0.0.9:80")};
  config::Endpoint endpoint;
  endpoint.metadata = metadata;
  const auto named = std::make_shared<Host>(*net::Address::Ip("10.0.0.1", 80), endpoint, 1);
  const HostSet set = MakeHostSet({named, MakeHost(2)}, With(Policy::kRingHash), {});
  const HostSet same = MakeHostSet({MakeHost(9), MakeHost(2)}, With(Policy::kRingHash), {});
  base::Random random(6);
  for (int i = 0; i < 100; ++i) {
    const uint64_t hash = random.Next();
    const bool second = set.priorities[0].table->Find(hash, 0)->host->address_text() == "10.0.0.2:80";
    EXPECT_EQ(same.priorities[0].table->Find(hash, 0)->host->address_text() == "10.0.0.2:80", second);
  }
}

}  // namespace
}  // namespace pillion::upstream

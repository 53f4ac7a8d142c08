#include "source/filters/concurrency/limits.h"

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace pillion::filters::concurrency {
namespace {

using Key = std::pair<std::string, std::string>;

struct Table {
  std::mutex mutex;
  std::map<Key, std::weak_ptr<limit::ConcurrencyLimit>> limits;
};

// Never destroyed: workers may end after it.
Table& TheTable() {
  static Table& table = *new Table;
  return table;
}

}  // namespace

std::string LimitKey(std::string_view name, const limit::ConcurrencyEstimate::Terms& terms) {
  std::string key(name);
  for (const int64_t number : {int64_t{terms.initial}, int64_t{terms.least}, int64_t{terms.most}, terms.window.count(),
                               terms.unloaded.count()}) {
    key += '/';
    key += std::to_string(number);
  }
  return key;
}

std::shared_ptr<limit::ConcurrencyLimit> FindLimit(std::string_view key, std::string_view cluster,
                                                   const limit::ConcurrencyEstimate::Terms& terms) {
  Table& table = TheTable();
  const std::lock_guard guard(table.mutex);
  std::erase_if(table.limits, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<limit::ConcurrencyLimit>& entry = table.limits[Key(key, cluster)];
  std::shared_ptr<limit::ConcurrencyLimit> limit = entry.lock();
  if (limit == nullptr) entry = limit = std::make_shared<limit::ConcurrencyLimit>(terms);
  return limit;
}

}  // namespace pillion::filters::concurrency

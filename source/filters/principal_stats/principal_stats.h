#pragma once

// The principal_stats filter: counts requests by who has sent them, as the client's certificate says.

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"

namespace pillion::filters::principal_stats {

// The principals that have counters of their own: those that came first, the same for all workers. Any thread.
class Known {
 public:
  explicit Known(size_t most) : most_(most) {}

  // Whether `name` is one of them, or becomes one.
  bool Admit(std::string_view name);
  // For who was not admitted: nobody will be any more.
  std::set<std::string, std::less<>> All() const;

 private:
  const size_t most_;
  mutable absl::Mutex mutex_;
  std::set<std::string, std::less<>> names_ ABSL_GUARDED_BY(mutex_);
};

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(size_t max_principals) : known_(std::make_unique<Known>(max_principals)) {}

  Known& known() const { return *known_; }

  uint32_t hooks() const override { return filter::kEnd; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const std::unique_ptr<Known> known_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::principal_stats

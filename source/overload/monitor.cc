#include "source/overload/monitor.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "source/base/process_memory.h"

namespace pillion::overload {
namespace {

// The first bytes of a small file.
absl::StatusOr<std::string> ReadStart(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char bytes[4096];
  file.read(bytes, sizeof bytes);
  if (file.bad() || !file.is_open()) return absl::UnavailableError(absl::StrCat(path, ": cannot be read"));
  return std::string(bytes, static_cast<size_t>(file.gcount()));
}

class HeapMonitor final : public Monitor {
 public:
  explicit HeapMonitor(const config::FixedHeap& config) : max_(static_cast<double>(config.max_bytes)) {}

  absl::StatusOr<double> Pressure() override { return static_cast<double>(base::ReadHeap().allocated) / max_; }

 private:
  const double max_;
};

// Version 2 of cgroups, else 1.
class CgroupMonitor final : public Monitor {
 public:
  CgroupMonitor(std::string usage, std::string limit, std::optional<uint64_t> max)
      : usage_(std::move(usage)), limit_(std::move(limit)), max_(max.value_or(UINT64_MAX)) {}

  absl::StatusOr<double> Pressure() override {
    const absl::StatusOr<uint64_t> limit = Read(limit_);
    if (!limit.ok()) return limit.status();
    const absl::StatusOr<uint64_t> usage = Read(usage_);
    if (!usage.ok()) return usage.status();
    const uint64_t most = std::min(*limit, max_);
    if (most >= kUnlimited) return 0.0;
    return most == 0 ? 1.0 : static_cast<double>(*usage) / static_cast<double>(most);
  }

 private:
  // Version 1 says it with the largest multiple of a page, version 2 with "max".
  static constexpr uint64_t kUnlimited = uint64_t{1} << 62;

  static absl::StatusOr<uint64_t> Read(const std::string& path) {
    absl::StatusOr<std::string> text = ReadStart(path);
    if (!text.ok()) return text.status();
    const absl::string_view number = absl::StripAsciiWhitespace(*text);
    if (number == "max") return UINT64_MAX;
    uint64_t value;
    if (absl::SimpleAtoi(number, &value)) return value;
    return absl::UnavailableError(absl::StrCat(path, ": \"", number, "\", expected a number of bytes"));
  }

  const std::string usage_;
  const std::string limit_;
  const uint64_t max_;
};

// Of all processors together, between one call and the next; smoothed, so that a moment is no overload.
class CpuMonitor final : public Monitor {
 public:
  explicit CpuMonitor(std::string path) : path_(std::move(path)) {}

  absl::StatusOr<double> Pressure() override {
    const absl::StatusOr<std::string> text = ReadStart(path_);
    if (!text.ok()) return text.status();
    std::istringstream line(*text);
    std::string name;
    Times now;
    // user, nice, system, idle, iowait, irq, softirq, steal
    uint64_t part;
    int parts = 0;
    for (line >> name; parts < 8 && line >> part; ++parts) {
      now.all += part;
      if (parts != kIdle && parts != kIoWait) now.busy += part;
    }
    if (name != "cpu" || parts <= kIoWait) return absl::UnavailableError(absl::StrCat(path_, ": has no line \"cpu\""));
    const Times before = std::exchange(before_, now);
    if (before.all == 0 || now.all <= before.all || now.busy < before.busy) return smoothed_;
    const double used = static_cast<double>(now.busy - before.busy) / static_cast<double>(now.all - before.all);
    smoothed_ += kWeight * (used - smoothed_);
    return smoothed_;
  }

 private:
  struct Times {
    uint64_t all = 0;
    uint64_t busy = 0;
  };
  static constexpr int kIdle = 3, kIoWait = 4;
  static constexpr double kWeight = 0.05;  // Envoy's

  const std::string path_;
  Times before_;
  double smoothed_ = 0;
};

class FileMonitor final : public Monitor {
 public:
  explicit FileMonitor(std::string path) : path_(std::move(path)) {}

  absl::StatusOr<double> Pressure() override {
    const absl::StatusOr<std::string> text = ReadStart(path_);
    if (!text.ok()) return text.status();
    const absl::string_view number = absl::StripAsciiWhitespace(*text);
    double value;
    if (absl::SimpleAtod(number, &value) && value >= 0 && value <= 1) return value;
    return absl::UnavailableError(absl::StrCat(path_, ": \"", number, "\", expected a number from 0 to 1"));
  }

 private:
  const std::string path_;
};

class ConnectionsMonitor final : public Monitor {
 public:
  ConnectionsMonitor(const config::DownstreamConnections& config, const std::atomic<uint64_t>& connections)
      : max_(static_cast<double>(config.max)), connections_(connections) {}

  absl::StatusOr<double> Pressure() override {
    return static_cast<double>(connections_.load(std::memory_order_relaxed)) / max_;
  }

 private:
  const double max_;
  const std::atomic<uint64_t>& connections_;
};

absl::StatusOr<std::unique_ptr<Monitor>> MakeCgroupMonitor(const config::CgroupMemory& config,
                                                           const std::string& root) {
  constexpr std::pair<const char*, const char*> kFiles[] = {
      {"/memory.current", "/memory.max"}, {"/memory/memory.usage_in_bytes", "/memory/memory.limit_in_bytes"}};
  for (const auto& [usage, limit] : kFiles) {
    if (!ReadStart(root + usage).ok() || !ReadStart(root + limit).ok()) continue;
    return std::make_unique<CgroupMonitor>(root + usage, root + limit, config.max_bytes);
  }
  return absl::UnavailableError(absl::StrCat("neither ", root, kFiles[0].first, " nor ", root, kFiles[1].first,
                                             " and the limits beside them can be read"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Monitor>> MakeMonitor(const config::OverloadResource& resource,
                                                     const std::atomic<uint64_t>& connections,
                                                     const SystemFiles& files) {
  if (const auto* heap = std::get_if<config::FixedHeap>(&resource.monitor)) return std::make_unique<HeapMonitor>(*heap);
  if (const auto* cgroup = std::get_if<config::CgroupMemory>(&resource.monitor)) {
    return MakeCgroupMonitor(*cgroup, files.cgroup);
  }
  if (std::holds_alternative<config::CpuUtilization>(resource.monitor)) return std::make_unique<CpuMonitor>(files.cpu);
  if (const auto* injected = std::get_if<config::InjectedResource>(&resource.monitor)) {
    return std::make_unique<FileMonitor>(injected->path);
  }
  return std::make_unique<ConnectionsMonitor>(std::get<config::DownstreamConnections>(resource.monitor), connections);
}

}  // namespace pillion::overload

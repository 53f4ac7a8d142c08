#include "source/overload/monitor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace pillion::overload {
namespace {

class MonitorTest : public testing::Test {
 protected:
  MonitorTest() { std::filesystem::create_directories(root_); }
  ~MonitorTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + name).parent_path());
    std::ofstream(root_ + name, std::ios::trunc) << text;
  }
  template <typename Config>
  absl::StatusOr<std::unique_ptr<Monitor>> Make(const Config& config) {
    return MakeMonitor({.name = "it", .monitor = config}, connections_, {.cgroup = root_, .cpu = root_ + "/stat"});
  }
  // -1: it can't be known.
  static double Pressure(Monitor& monitor) { return monitor.Pressure().value_or(-1); }

  const std::string root_ = testing::TempDir() + "/monitors." + std::to_string(getpid());
  std::atomic<uint64_t> connections_ = 0;
};

TEST_F(MonitorTest, FixedHeap) {
  const auto monitor = *Make(config::FixedHeap{.max_bytes = uint64_t{1} << 40});
  const double before = Pressure(*monitor);
  EXPECT_LT(before, 0.5);
  const auto small = *Make(config::FixedHeap{.max_bytes = 1});
  EXPECT_GE(Pressure(*small), 0);
}

TEST_F(MonitorTest, CgroupsOfVersion2) {
  Write("/memory.current", "300\n");
  Write("/memory.max", "1000\n");
  const auto monitor = *Make(config::CgroupMemory{});
  EXPECT_DOUBLE_EQ(Pressure(*monitor), 0.3);
  EXPECT_DOUBLE_EQ(Pressure(**Make(config::CgroupMemory{.max_bytes = 600})), 0.5);
  EXPECT_DOUBLE_EQ(Pressure(**Make(config::CgroupMemory{.max_bytes = 6000})), 0.3);
  Write("/memory.max", "max\n");
  EXPECT_EQ(Pressure(*monitor), 0);
  Write("/memory.max", "0\n");
  EXPECT_EQ(Pressure(*monitor), 1);
  Write("/memory.max", "many\n");
  EXPECT_EQ(monitor->Pressure().status().message(), root_ + "/memory.max: \"many\", expected a number of bytes");
  std::filesystem::remove(root_ + "/memory.max");
  EXPECT_EQ(monitor->Pressure().status().message(), root_ + "/memory.max: cannot be read");
}

TEST_F(MonitorTest, CgroupsOfVersion1) {
  EXPECT_EQ(Make(config::CgroupMemory{}).status().message(),
            "neither " + root_ + "/memory.current nor " + root_ +
                "/memory/memory.usage_in_bytes and the limits beside them can be read");
  Write("/memory/memory.usage_in_bytes", "300\n");
  Write("/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const auto monitor = *Make(config::CgroupMemory{});
  EXPECT_EQ(Pressure(*monitor), 0);
  Write("/memory/memory.limit_in_bytes", "400\n");
  EXPECT_EQ(Pressure(*monitor), 0.75);
}

// Smoothed: a twentieth of what is new.
TEST_F(MonitorTest, CpuUtilization) {
  Write("/stat", "cpu  100 0 100 700 100 0 0 0 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
  const auto monitor = *Make(config::CpuUtilization{});
  EXPECT_EQ(Pressure(*monitor), 0);
  Write("/stat", "cpu  150 10 110 720 100 5 3 2 9 9\n");  // 80 of 100
  EXPECT_DOUBLE_EQ(Pressure(*monitor), 0.05 * 0.8);
  EXPECT_DOUBLE_EQ(Pressure(*monitor), 0.05 * 0.8);  // no time has passed
  Write("/stat", "cpu  150 10 110 820 100 5 3 2 9 9\n");
  EXPECT_DOUBLE_EQ(Pressure(*monitor), 0.95 * 0.05 * 0.8);
  Write("/stat", "intr 1 2 3\n");
  EXPECT_EQ(monitor->Pressure().status().message(), root_ + "/stat: has no line \"cpu\"");
}

TEST_F(MonitorTest, InjectedResource) {
  const auto monitor = *Make(config::InjectedResource{.path = root_ + "/pressure"});
  EXPECT_EQ(monitor->Pressure().status().message(), root_ + "/pressure: cannot be read");
  Write("/pressure", " 0.25\n");
  EXPECT_EQ(Pressure(*monitor), 0.25);
  for (const char* const text : {"", "1.1", "-0.1", "nan", "half"}) {
    Write("/pressure", text);
    EXPECT_EQ(monitor->Pressure().status().message(),
              root_ + "/pressure: \"" + text + "\", expected a number from 0 to 1");
  }
}

TEST_F(MonitorTest, DownstreamConnections) {
  const auto monitor = *Make(config::DownstreamConnections{.max = 4});
  EXPECT_EQ(Pressure(*monitor), 0);
  connections_ = 3;
  EXPECT_EQ(Pressure(*monitor), 0.75);
}

}  // namespace
}  // namespace pillion::overload

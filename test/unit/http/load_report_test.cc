#include "source/http/load_report.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "source/base/arena.h"

namespace pillion::http {
namespace {

using Names = std::vector<std::string>;

class LoadReportTest : public testing::Test {
 public:
  std::optional<LoadReport> Read(const std::string& name, const std::string& value, const Names& names = {}) {
    HeaderMap fields(arena);
    fields.Add(arena.Copy(name), arena.Copy(value));
    return FindLoadReport(fields, names);
  }
  std::optional<LoadReport> Text(const std::string& value, const Names& names = {}) {
    return Read("endpoint-load-metrics", value, names);
  }

  base::BlockPool blocks;
  base::Arena arena{blocks};
};

// Of a message of the wire format, in base64: cpu 0.5, rps 100, eps 2, application 0.25, named_metrics {q: 0.75}.
constexpr char kMessage[] = "CQAAAAAAAOA/MQAAAAAAAFlAOQAAAAAAAABASQAAAAAAANA/QgwKAXERAAAAAAAA6D8=";

TEST_F(LoadReportTest, Message) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"endpoint-load-metrics-bin", kMessage},
           {"endpoint-load-metrics-bin", std::string(kMessage).substr(0, sizeof kMessage - 2)},  // without padding
           {"endpoint-load-metrics", "BIN " + std::string(kMessage)}}) {
    const auto report = Read(name, value, {"named_metrics.q"});
    ASSERT_TRUE(report) << name << " " << value;
    EXPECT_EQ(report->cpu_utilization, 0.5);
    EXPECT_EQ(report->requests_per_second, 100);
    EXPECT_EQ(report->errors_per_second, 2);
    EXPECT_EQ(report->application_utilization, 0.25);
    EXPECT_EQ(report->named, 0.75);
  }
}

TEST_F(LoadReportTest, TextOfItems) {
  const auto report = Text("TEXT cpu_utilization=0.3, rps_fractional=1.5e2,eps:1, named_metrics.q=0.9,utilization.disk=0.4",
                           {"utilization.disk", "named_metrics.r"});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->cpu_utilization, 0.3);
  EXPECT_EQ(report->requests_per_second, 150);
  EXPECT_EQ(report->errors_per_second, 1);
  EXPECT_EQ(report->application_utilization, 0);
  EXPECT_EQ(report->named, 0.4);
  EXPECT_EQ(Text("TEXT mem_utilization=0.2,cpu_utilization=0.1", {"mem_utilization", "cpu_utilization"})->named, 0.2);
}

TEST_F(LoadReportTest, Json) {
  const auto report = Text(R"(JSON {"cpu_utilization": 0.3, "rpsFractional":10,"named_metrics": {"q":0.5, "r": 0.6}, "utilization":{}} )",
                           {"named_metrics.q", "named_metrics.r"});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->cpu_utilization, 0.3);
  EXPECT_EQ(report->requests_per_second, 10);
  EXPECT_EQ(report->named, 0.6);
  EXPECT_FALSE(Text("JSON {}")) << "it says nothing";
  for (const char* bad : {"JSON", "JSON {", "JSON {\"a\"}", "JSON {\"a\":}", "JSON {\"a\":{\"b\":{\"c\":1}}}", "JSON {\"a\":1}x",
                          "JSON {\"a\\u0062\":1}", "JSON [1]", "JSON {\"a\":\"1\"}"}) {
    EXPECT_FALSE(Text(bad)) << bad;
  }
}

TEST_F(LoadReportTest, WhatIsNoReport) {
  HeaderMap none(arena);
  EXPECT_FALSE(FindLoadReport(none, {}));
  EXPECT_FALSE(Text(""));
  EXPECT_FALSE(Text("TEXT cpu_utilization=much"));
  EXPECT_FALSE(Text("TEXT cpu_utilization"));
  EXPECT_FALSE(Text("TEXT cpu_utilization=-1,eps=nan,rps_fractional=inf")) << "none of these is a load";
  EXPECT_FALSE(Read("endpoint-load-metrics-bin", "*"));
  EXPECT_FALSE(Read("endpoint-load-metrics-bin", ""));
  EXPECT_FALSE(Read("endpoint-load-metrics-bin", "CQAAAAAAAOA")) << "it ends within a number";
  EXPECT_FALSE(Read("endpoint-load-metrics-bin", "Cw==")) << "a group";
  EXPECT_FALSE(Read("endpoint-load-metrics-bin", "////////////////")) << "a number without an end";
  EXPECT_FALSE(Read("endpoint-load-metrics-bin", std::string(100000, 'A'))) << "too much";
}

}  // namespace
}  // namespace pillion::http

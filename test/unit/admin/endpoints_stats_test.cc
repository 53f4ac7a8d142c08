// Pages of counters, in all their forms.

#include "test/unit/admin/endpoints_fixture.h"

namespace pillion::admin {
namespace {

TEST_F(EndpointsTest, Stats) {
  stats_.shard(0).counter(stats_.AddCounter("a.b"))->Add(2);
  stats_.AddGauge("a.unused");
  EXPECT_EQ(Get("/stats?filter=^a").body, "a.b: 2\na.unused: 0\n");
  EXPECT_EQ(Get("/stats?filter=^a&usedonly").body, "a.b: 2\n");
  EXPECT_EQ(Get("/stats?filter=^a&type=Gauges").body, "a.unused: 0\n");
  const Reply json = Get("/stats?filter=^a%5C.b&format=json");
  EXPECT_EQ(json.content_type, "application/json");
  EXPECT_EQ(json.body, "{\"stats\":[{\"name\":\"a.b\",\"value\":2}]}\n");
  EXPECT_EQ(Get("/stats/prometheus?filter=a.b").body, "# TYPE envoy_a_b counter\nenvoy_a_b{} 2\n");
  EXPECT_EQ(Get("/stats?format=prometheus&filter=a.b").body, Get("/stats/prometheus?filter=a.b").body);
  EXPECT_EQ(Get("/stats?filter=(").status, 400);
  EXPECT_TRUE(Get("/stats?filter=(").body.starts_with("Invalid re2 regex: "));
  EXPECT_EQ(Get("/stats?format=xml").status, 400);
  EXPECT_EQ(Get("/stats?type=Some").status, 400);
  // What the page's form sends when nothing was filled in.
  EXPECT_EQ(Get("/stats?filter=&format=text&type=All").body, Get("/stats").body);
  Post("/reset_counters");
  EXPECT_EQ(Get("/stats?filter=a.b").body, "a.b: 0\n");
}

TEST_F(EndpointsTest, HistogramForms) {
  stats_.shard(0).histogram(stats_.AddHistogram("h"))->Record(3);
  const std::string get = "/stats?filter=^h$&histogram_buckets=";
  EXPECT_TRUE(Get(get + "cumulative").body.starts_with("h: B0.5(0,0) B1(0,0) B5(0,1) "));
  EXPECT_TRUE(Get(get + "disjoint").body.starts_with("h: B0.5(0,0) B1(0,0) B5(0,1) B10(0,0)"));
  EXPECT_TRUE(Get(get + "detailed").body.starts_with("h:\n  totals=3,1:1\n"));
  EXPECT_TRUE(Get(get + "summary").body.starts_with("h: P0("));
  EXPECT_TRUE(Get(get + "none").body.starts_with("h: P0("));
  EXPECT_TRUE(Get(get + "cumulative&format=json").body.starts_with("{\"stats\":[{\"histograms\":[{\"name\":\"h\",\"buckets\":"));
  EXPECT_EQ(Get(get + "other").body, "usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary|prometheusnative)\n");
  EXPECT_TRUE(Get("/stats/prometheus?filter=^h$&histogram_buckets=summary").body.starts_with("# TYPE envoy_h summary\n"));
  EXPECT_EQ(Get("/stats/prometheus?histogram_buckets=disjoint").body, "unsupported prometheus histogram bucket mode\n");
  EXPECT_EQ(Get("/stats?type=Other").body, "invalid &type= param\n");
  EXPECT_EQ(Get("/stats?format=other").body, "usage: /stats?format=(html|active-html|json|prometheus|text)\n");
  EXPECT_EQ(Get("/stats?hidden=only").body, "");
  EXPECT_EQ(Get("/stats?hidden=other").status, 400);
  EXPECT_EQ(Get("/stats?hidden=exclude&filter=^h$").body, Get(get + "summary").body);
}

TEST_F(EndpointsTest, PageOfStats) {
  stats_.shard(0).counter(stats_.AddCounter("a.<b>"))->Add(3);
  stats_.shard(0).histogram(stats_.AddHistogram("h"))->Record(3);
  stats_.SetText(stats_.AddText("t"), "x: \"y\" & z");
  const Reply page = Get("/stats?format=html&usedonly&filter=%5Ea%7Ch%7Ct&type=All");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=UTF-8");
  const auto has = [&page](std::string_view text) { return page.body.find(text) != std::string::npos; };
  EXPECT_TRUE(has("<tr><td>a.&lt;b&gt;</td><td class=\"number\">3</td></tr>\n")) << page.body;
  EXPECT_TRUE(has("<tr><td>t</td><td>&quot;x: \\&quot;y\\&quot; &amp; z&quot;</td></tr>\n")) << page.body;
  EXPECT_TRUE(has("<tr><td>h</td><td>P0("));
  // The form has what was asked for.
  EXPECT_TRUE(has("name=\"filter\" placeholder=\"filter\"")) << page.body;
  EXPECT_TRUE(has(" value=\"^a|h|t\">"));
  EXPECT_TRUE(has("<input type=\"checkbox\" name=\"usedonly\" checked>"));
  EXPECT_TRUE(has("<option value=\"html\" selected>html</option>"));
  EXPECT_FALSE(Get("/stats?format=html").body.find(" checked") != std::string::npos);
  EXPECT_NE(Get("/stats?format=html&histogram_buckets=detailed&filter=%5Eh$").body.find(
                "<tr><td>h</td><td></td></tr>\n<tr><td></td><td>totals=3,1:1</td></tr>\n"),
            std::string::npos);
  EXPECT_EQ(Get("/stats?format=html&filter=(").status, 400);
  const Reply active = Get("/stats?format=active-html&filter=h");
  EXPECT_EQ(active.content_type, "text/html; charset=UTF-8");
  EXPECT_NE(active.body.find("<option value=\"active-html\" selected>"), std::string::npos);
  EXPECT_NE(active.body.find("<script>"), std::string::npos);
  EXPECT_EQ(active.body.find("P0("), std::string::npos);  // its script asks for them
  EXPECT_NE(Get("/").body.find("<option value=\"active-html\">"), std::string::npos);
}

TEST_F(EndpointsTest, PrometheusByMessages) {
  constexpr std::string_view kType =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
  stats_.shard(0).counter(stats_.AddCounter("c"))->Add(3);
  stats_.shard(0).histogram(stats_.AddHistogram("h"))->Record(3);
  const std::string path = "/stats/prometheus?filter=^[ch]$";
  const Reply plain = Get(path);
  EXPECT_EQ(plain.content_type, "text/plain; version=0.0.4; charset=UTF-8");
  const auto type_for = [&](const std::string& accept) { return GetAs(path, accept).content_type; };
  const std::string messages =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  EXPECT_EQ(type_for(messages), kType);
  EXPECT_EQ(type_for(std::string(kType)), kType);
  EXPECT_EQ(type_for(messages + ";q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3"), kType);
  EXPECT_EQ(type_for("text/plain;version=0.0.4;q=0.5," + messages + ";q=0.4"), plain.content_type);
  EXPECT_EQ(type_for(messages + ";q=0"), plain.content_type);
  EXPECT_EQ(type_for(messages + ";q=x"), plain.content_type);
  EXPECT_EQ(type_for("application/vnd.google.protobuf"), plain.content_type);
  EXPECT_EQ(type_for("*/*"), plain.content_type);
  const Reply asked = Get(path + "&prom_protobuf");
  EXPECT_EQ(asked.content_type, kType);
  EXPECT_EQ(asked.body, GetAs(path, messages).body);
  // A family: its name, its type (0, a counter), one metric of one counter (3.0).
  const std::string family("\x0a\x07"
                           "envoy_c\x18\x00\"\x0b\x1a\x09\x09\x00\x00\x00\x00\x00\x00\x08@",
                           24);
  EXPECT_TRUE(asked.body.starts_with("\x18" + family));
  const std::string native = path + "&histogram_buckets=prometheusnative";
  EXPECT_EQ(Get(native).body,
            "unsupported prometheusnative histogram type when not using protobuf exposition format\n");
  EXPECT_EQ(Get(native + "&prom_protobuf").content_type, kType);
  EXPECT_LT(Get(native + "&prom_protobuf").body.size(), asked.body.size());
  EXPECT_EQ(Get(native + "&prom_protobuf&native_histogram_max_buckets=0").body,
            "invalid native_histogram_max_buckets value: must be a positive integer\n");
  EXPECT_EQ(Get("/stats?histogram_buckets=prometheusnative").status, 400);
  EXPECT_EQ(Get("/stats?format=prometheus&filter=^[ch]$&prom_protobuf").body, asked.body);
}

TEST_F(EndpointsTest, StatsAreFlushedWhenSomebodyLooks) {
  int flushed = 0;
  sources_.flush_stats = [&flushed] { ++flushed; };
  Get("/stats");
  Get("/stats?format=json");
  Get("/stats/prometheus");
  Get("/stats?format=html");
  EXPECT_EQ(flushed, 4);
  Get("/stats?format=wrong");
  Get("/ready");
  EXPECT_EQ(flushed, 4);
}

}  // namespace
}  // namespace pillion::admin

#pragma once

// A stream as a filter sees it, without any: a request that the test writes, and nothing around it. A test overrides what else its
// subject asks for.

#include <cstdlib>

#include "source/access/request.h"
#include "source/base/block.h"
#include "source/filter/stream_context.h"

namespace pillion::test {

class FakeStreamContext : public filter::StreamContext {
 public:
  event::Worker& worker() override { std::abort(); }  // nobody asks
  base::Random& random() override { return random_; }
  base::Arena& arena() override { return arena_; }
  base::MonotonicTime began() const override { return {}; }
  http::RequestHead& request() override { return request_; }
  const http::ResponseHead* response() const override { return nullptr; }
  const config::Route* route() const override { return nullptr; }
  const config::VirtualHost* virtual_host() const override { return nullptr; }
  void ChooseRoute() override {}
  bool routes_by_notes() const override { return false; }
  std::string_view cluster_name() const override { return {}; }
  void SendTo(std::string_view) override {}
  std::string_view cluster_stat_name() const override { return {}; }
  std::array<const config::FilterConfig*, 3> Overrides(std::string_view) const override { return {}; }
  metadata::Annotations& annotations() override { return annotations_; }
  const metadata::Annotations* notes() const override { return &annotations_; }
  void Describe(telemetry::RequestRecord& record) override { record.request = &request_; }
  access::Request AccessRequest() override { return {.connection = facts_, .head = &request_, .notes = &annotations_}; }
  void KeepDeadline(base::MonotonicTime) override {}
  filter::CarriedContext* carried_context() const override { return nullptr; }
  void Carry(filter::CarriedContext&) override {}
  void GoToLane(const upstream::LaneWish&) override {}
  void GoToHost(std::string_view, bool) override {}
  const upstream::LaneWish* lane_wish() const override { return nullptr; }
  upstream::LaneOutcome lane_outcome() const override { return {}; }
  void MirrorTo(const filter::MirrorWish&) override {}
  void TurnOff(filter::FeatureSet) override {}
  filter::FeatureSet turned_off() const override { return {}; }
  void Explain() override {}
  bool explains() const override { return false; }
  void SetHealthCheck() override {}
  std::string_view downstream_remote_address() override { return "192.0.2.7:5000"; }
  void SetFlag(telemetry::ResponseFlag) override {}
  telemetry::ResponseFlags flags() const override { return {}; }

 protected:
  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  base::Random random_{1};
  http::RequestHead request_{arena_};
  metadata::Annotations annotations_;
  access::ConnectionFacts facts_;
};

}  // namespace pillion::test

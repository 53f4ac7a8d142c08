#pragma once

// The endpoints of the administration, with what they show made up.

#include <gtest/gtest.h>

#include "source/admin/endpoints.h"

namespace pillion::admin {

class EndpointsTest : public ::testing::Test {
 protected:
  EndpointsTest() {
    sources_.version = "abc/0.1.0/Clean/RELEASE/OpenSSL";
    sources_.node.id = "node<1>";
    sources_.command_line = {{"concurrency", uint64_t{2}}, {"config_path", std::string("a.yaml")}, {"flag", true},
                              {"list", std::vector<std::string>{"a", "b"}}};
    sources_.state = [this] { return state_; };
    sources_.uptime = [] { return std::chrono::seconds(123); };
    sources_.clusters = [this] { return clusters_; };
    sources_.listeners = [] {
      return std::vector<ListenerView>{{"in", config::SocketAddress{"127.0.0.1", false, 8080}},
                                       {"six", config::SocketAddress{"::1", true, 81}, "listen: taken"},
                                       {"pipe", config::UnixPath{"/run/x.sock"}}};
    };
    sources_.unready = [this] { return unready_; };
    sources_.config_dump = [this](const ConfigDumpQuery& query) -> absl::StatusOr<std::string> {
      dump_query_ = query;
      if (query.resource == "wrong") return absl::NotFoundError("wrong not found in config dump");
      return "{}\n";
    };
    sources_.explain = [](const auto& parameters, bool json) -> absl::StatusOr<std::string> {
      std::string text = json ? "json" : "text";
      for (const auto& [name, value] : parameters) {
        if (name == "wrong") return absl::InvalidArgumentError("wrong: no such parameter");
        text += " " + name + "=" + value;
      }
      return text;
    };
    sources_.guard = [](bool json) { return json ? "json" : "text"; };
    sources_.forget_refused = [] { return size_t{3}; };
    sources_.last_good = [this] { return last_good_; };
    sources_.context = [this] { return context_; };
    sources_.limits = [this] { return limits_; };
    sources_.breakers = [this] { return breakers_; };
    sources_.runtime = [] {
      return RuntimeView{.layers = {"fixed", "admin"}, .entries = {{"a.b", {"1", "\"2\""}, "\"2\""}}};
    };
    sources_.modify_runtime = [this](const std::vector<std::pair<std::string, std::string>>& changes) -> absl::Status {
      if (changes[0].first == "refused") return absl::FailedPreconditionError("No admin layer specified");
      for (const auto& [name, value] : changes) done_ += name + "=" + value + ";";
      return absl::OkStatus();
    };
    sources_.reload = [this](const std::string& text, const std::string& name) {
      done_ += name + ":" + text;
      return reload_;
    };
    sources_.fail_healthcheck = [this](bool fail) { state_ = fail ? State::kDraining : State::kLive; };
    sources_.drain_listeners = [this](const DrainQuery& query) {
      drain_query_ = query;
      return absl::OkStatus();
    };
    sources_.quit = [this] { done_ += "quit"; };
    sources_.reopen_logs = [this] { done_ += "reopen"; };
    sources_.log_levels = [this] { return std::vector<std::pair<std::string, std::string>>{{"main", level_}}; };
    sources_.set_log_level = [this](const std::string& logger, const std::string& level) {
      if (!logger.empty() && logger != "main")
        return absl::InvalidArgumentError("unknown logger \"" + logger + "\"");
      level_ = level;
      return absl::OkStatus();
    };
    ClusterView cluster;
    cluster.name = "be";
    cluster.observability_name = "be_alt";
    cluster.high_priority.max_connections = 7;
    HostView host;
    host.address = config::SocketAddress{"192.0.2.1", false, 80};
    host.hostname = "be.example";
    host.rq_total = 9;
    host.rq_active = 1;
    host.weight = 3;
    host.locality.zone = "z1";
    cluster.hosts.push_back(host);
    clusters_.push_back(cluster);
  }

  Reply Ask(std::string method, std::string_view target, std::string body = "") {
    Request request;
    request.body = std::move(body);
    request.method = std::move(method);
    EXPECT_TRUE(ParseTarget(target, request));
    return endpoints_.Answer(request);
  }
  Reply Get(std::string_view target) { return Ask("GET", target); }
  Reply GetAs(std::string_view target, std::string accept) {
    Request request;
    request.method = "GET";
    request.accept = std::move(accept);
    EXPECT_TRUE(ParseTarget(target, request));
    return endpoints_.Answer(request);
  }
  Reply Post(std::string_view target) { return Ask("POST", target); }

  Sources sources_;
  stats::Registry stats_{1};
  Endpoints endpoints_{sources_, stats_};
  std::vector<ClusterView> clusters_;
  std::optional<LastGoodView> last_good_;
  std::optional<ContextView> context_;
  std::vector<LimitView> limits_;
  std::vector<BreakersView> breakers_;
  State state_ = State::kLive;
  ConfigDumpQuery dump_query_;
  DrainQuery drain_query_;
  std::vector<UnreadyView> unready_;
  std::string done_;
  std::string level_ = "info";
  ReloadView reload_;
};

}  // namespace pillion::admin

#pragma once

// Decisions by policies, which stand in messages.

#include <memory>
#include <string>
#include <vector>

#include "source/access/policies.h"
#include "source/config/build_access.h"
#include "test/unit/access/engine_fixture.h"

namespace pillion::access {

namespace v3 = envoy::config::rbac::v3;
using Rules = v3::RBAC;

class PoliciesTest : public EngineTest {
 protected:
  std::shared_ptr<const Engine> Build(const Rules& rules, bool requests = true) {
    config::ErrorList errors;
    config::LoadOptions options;
    envoy::config::core::v3::Node node;
    config::BuildContext context{.options = options, .errors = errors, .node = node};
    const config::AccessTo to = requests ? config::AccessTo::kRequests : config::AccessTo::kConnections;
    auto engine = config::BuildPolicies(context, rules, to, "r");
    for (const config::ConfigError& error : errors.Take()) errors_.push_back(error.path + ": " + error.message);
    return engine;
  }

  using EngineTest::Decide;
  std::string Decide(const Rules& rules) { return Decide(*Build(rules)); }

  std::vector<std::string> errors_;
};

}  // namespace pillion::access

#include "source/ca/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "source/ca/files.h"
#include "source/ca/issuer.h"

namespace pillion::ca {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// What others may have put where keys are to go.
class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string made = testing::TempDir() + "/storeXXXXXX";
    base_ = mkdtemp(made.data());
    folder_ = base_ + "/ca";
    victim_ = base_ + "/victim";
    std::ofstream(victim_) << "precious";
    chmod(victim_.c_str(), 0600);
    mkdir(folder_.c_str(), 0700);
  }
  ~StoreTest() override { fs::remove_all(base_); }

  std::string Opened() const {
    const absl::StatusOr<Store> store = Store::Open(folder_);
    return store.ok() ? "ok" : std::string(store.status().message());
  }
  // Makes a CA and issues to a workload named web.
  std::string Issued() const {
    absl::StatusOr<Store> store = Store::Open(folder_);
    if (!store.ok()) return std::string(store.status().message());
    absl::StatusOr<Authority> authority = store->Load("demo.test");
    if (!authority.ok()) return std::string(authority.status().message());
    Issuer issuer(*store, *std::move(authority), {.svid_ttl = absl::Hours(1), .ca_ttl = absl::Hours(24)},
                  {*ParseWorkload("web", "demo.test")}, [](const Supply&) {});
    const absl::Status status = issuer.Step(absl::Now());
    return status.ok() ? "ok" : std::string(status.message());
  }
  std::string Victim() const { return *ReadWholeFile(victim_); }

  std::string base_;
  std::string folder_;
  std::string victim_;
};

TEST_F(StoreTest, AFolderThatOthersMayWriteToIsRefused) {
  for (const mode_t mode : {0777, 0770, 0702}) {
    chmod(folder_.c_str(), mode);
    EXPECT_EQ(Opened(), folder_ + ": others than its owner may write to it: chmod go-w it, or name another folder");
    EXPECT_TRUE(fs::is_empty(folder_));
  }
  chmod(folder_.c_str(), 0755);
  EXPECT_EQ(Issued(), "ok");
}

TEST_F(StoreTest, WhatIsOwnedBySomebodyElseIsRefused) {
  ASSERT_EQ(Issued(), "ok");
  if (chown((folder_ + "/state.pem").c_str(), 12345, static_cast<gid_t>(-1)) != 0) GTEST_SKIP() << "only root may";
  EXPECT_THAT(Issued(), HasSubstr("/state.pem: is owned by user 12345, expected "));
  EXPECT_EQ(chown(folder_.c_str(), 12345, static_cast<gid_t>(-1)), 0);
  EXPECT_THAT(Opened(), HasSubstr("/ca: is owned by user 12345, expected "));
}

TEST_F(StoreTest, TheLockIsNoWayToAnotherFile) {
  fs::create_symlink(victim_, folder_ + "/lock");
  EXPECT_EQ(Opened(), folder_ + "/lock: is a link: remove it");
  fs::remove(folder_ + "/lock");
  fs::create_hard_link(victim_, folder_ + "/lock");
  EXPECT_EQ(Opened(), folder_ + "/lock: expected a file of that one name: remove it");
  EXPECT_EQ(Victim(), "precious");
  fs::remove(folder_ + "/lock");
  EXPECT_EQ(Opened(), "ok");
}

TEST_F(StoreTest, LinksAreNotFollowed) {
  fs::create_directory(base_ + "/elsewhere");
  fs::create_directory(folder_ + "/svids");
  fs::create_symlink(victim_, folder_ + "/state.pem");
  EXPECT_THAT(Issued(), HasSubstr("/state.pem: is a link"));
  fs::remove(folder_ + "/state.pem");
  fs::remove(folder_ + "/svids");
  ASSERT_EQ(Issued(), "ok");
  for (const std::string& place : {folder_ + "/svids/web", folder_ + "/svids"}) {
    fs::remove_all(place);
    fs::create_symlink(base_ + "/elsewhere", place);
    EXPECT_THAT(Issued(), HasSubstr(place + ": is a link"));
  }
  EXPECT_TRUE(fs::is_empty(base_ + "/elsewhere"));
  EXPECT_EQ(Victim(), "precious");
  fs::remove(folder_ + "/svids");
  fs::rename(folder_, base_ + "/moved");
  fs::create_symlink(base_ + "/moved", folder_);
  EXPECT_EQ(Opened(), folder_ + ": is a link: remove it, or name what it leads to");
}

}  // namespace
}  // namespace pillion::ca

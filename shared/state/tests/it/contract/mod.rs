//! What every store must do, whatever is behind it. Each case gets a fresh, empty store.

mod agenda;
mod bulk;
mod leases;
mod links;
mod profile;
mod readings;
mod replicas;
mod runs;

use engine::ports::Store;

/// Runs every case on a store of its own.
pub(crate) async fn run<S: Store>(make: impl AsyncFn() -> S) {
    leases::fresh_pair_is_blank(&make().await).await;
    leases::a_lease_is_for_one(&make().await).await;
    leases::an_ended_lease_may_be_taken(&make().await).await;
    leases::the_two_halves_do_not_touch(&make().await).await;
    leases::a_lost_lease_is_noticed(&make().await).await;
    leases::of_many_at_once_one_gets_the_lease(&make().await).await;
    leases::a_large_half_is_kept(&make().await).await;
    replicas::a_replica_reads_back(&make().await).await;
    replicas::a_write_needs_the_expected_version(&make().await).await;
    replicas::a_refused_write_leaves_no_agenda_row(&make().await).await;
    replicas::refused_writes_do_not_stop_the_others(&make().await).await;
    replicas::of_many_writers_one_wins(&make().await).await;
    replicas::holders_follow_the_replica(&make().await).await;
    replicas::holder_keys_are_exact(&make().await).await;
    replicas::an_older_writer_takes_no_holder_from_a_newer(&make().await).await;
    replicas::sides_and_pairs_are_apart(&make().await).await;
    links::a_link_reads_back(&make().await).await;
    links::a_link_needs_the_expected_version(&make().await).await;
    links::a_link_is_removed_by_version(&make().await).await;
    links::of_many_links_one_wins(&make().await).await;
    agenda::rows_come_in_the_order_of_time(&make().await).await;
    agenda::a_row_of_another_version_stays(&make().await).await;
    agenda::a_newer_row_is_not_replaced_by_an_older(&make().await).await;
    readings::seen_anchors_read_back(&make().await).await;
    readings::a_missing_chunk_is_an_error(&make().await).await;
    readings::groups_of_any_size_read_back(&make().await).await;
    runs::runs_come_the_newest_first(&make().await).await;
    runs::operations_come_in_order(&make().await).await;
    profile::profiles_have_a_history(&make().await).await;
    profile::the_installation_has_one_id(&make().await).await;
    profile::a_tenant_reads_back(&make().await).await;
    bulk::many_items_beyond_a_page(&make().await).await;
    bulk::large_items_beyond_a_batch(&make().await).await;
}

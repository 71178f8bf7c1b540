#Requires -Version 7
<#
.SYNOPSIS
    Prepares one Microsoft 365 tenant for galbridge. It may be run again, with -AppId: what is there already stays.
.DESCRIPTION
    Makes the single-tenant app registration, uploads the public certificate, grants exactly the application permissions with admin
    consent, and gives the application its Exchange role. Prints what the profile needs.
    Needs the modules Microsoft.Graph.Applications and ExchangeOnlineManagement, and a Global Administrator (or Privileged Role
    Administrator, Cloud Application Administrator and Exchange Administrator together).
.PARAMETER Tenant
    The tenant's id or domain.
.PARAMETER Certificate
    The public certificate, as PEM or CER: `galbridge --stack NAME certificate new --tenant TENANT` prints it.
.PARAMETER Name
    The name of the application that is made. One of that name is not taken by itself: anybody may have made it, and could sign in as it.
.PARAMETER AppId
    The application (client) id of one that is there already, to go on with.
.PARAMETER ReadOnlySide
    The tenant is only read: View-Only Recipients instead of the right to write contacts.
.PARAMETER AdoptGuests
    The profile says guests = "adopt-guest" for contacts in this tenant: the role may also change mail users. Give it again whenever the
    script is run again: the roles have exactly what is asked for.
.PARAMETER RecipientAdministrator
    Grants the Entra role Exchange Recipient Administrator instead of making a custom role group.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)] [string] $Tenant,
    [Parameter(Mandatory)] [string] $Certificate,
    [string] $Name = 'galbridge',
    [string] $AppId,
    [switch] $ReadOnlySide,
    [switch] $AdoptGuests,
    [switch] $RecipientAdministrator
)
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

$graph = '00000003-0000-0000-c000-000000000000'
$exchange = '00000002-0000-0ff1-ce00-000000000000'
$wanted = @{ $graph = 'User.Read.All', 'GroupMember.Read.All', 'OrgContact.Read.All'; $exchange = @('Exchange.ManageAsApp') }

Connect-MgGraph -TenantId $Tenant -NoWelcome -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All', 'RoleManagement.ReadWrite.Directory'

# The application and its service principal.
if ($AppId) {
    $app = Get-MgApplication -Filter "appId eq '$AppId'" | Select-Object -First 1
    if (-not $app) { throw "There is no application with the id $AppId in this tenant." }
} else {
    $there = @(Get-MgApplication -Filter "displayName eq '$($Name.Replace("'", "''"))'" -All)
    foreach ($one in $there) {
        $owners = @(Get-MgApplicationOwner -ApplicationId $one.Id -All | ForEach-Object Id) -join ' '
        $secrets = @($one.PasswordCredentials | Where-Object { $_ }).Count
        $certificates = @($one.KeyCredentials | Where-Object { $_ }).Count
        $federated = @(Get-MgApplicationFederatedIdentityCredential -ApplicationId $one.Id -All).Count
        Write-Warning "An application $Name is there: $($one.AppId)   owners: $owners   secrets: $secrets   certificates: $certificates   federated: $federated"
    }
    if ($there.Count -gt 0) {
        throw "Whoever owns it, or has a secret of it, could sign in with all that it is given here. If it is meant, and you know all of these, give its id with -AppId; else another -Name."
    }
    $app = New-MgApplication -DisplayName $Name -SignInAudience 'AzureADMyOrg'
    Write-Warning "The application $Name is made. Should something fail from here on, run this again with -AppId $($app.AppId)."
}
$principal = Get-MgServicePrincipal -Filter "appId eq '$($app.AppId)'" | Select-Object -First 1
if (-not $principal) {
    $principal = New-MgServicePrincipal -AppId $app.AppId
}

# The permissions, exactly these, with consent.
$access = @()
foreach ($resourceId in $wanted.Keys) {
    $resource = Get-MgServicePrincipal -Filter "appId eq '$resourceId'"
    $roles = $resource.AppRoles | Where-Object { $_.Value -in $wanted[$resourceId] }
    $access += @{ ResourceAppId = $resourceId; ResourceAccess = @($roles | ForEach-Object { @{ Id = $_.Id; Type = 'Role' } }) }
    # A list also where it has none or one: a property of nothing is an error in strict mode.
    $granted = @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -All | Where-Object ResourceId -EQ $resource.Id | ForEach-Object AppRoleId)
    foreach ($role in $roles | Where-Object { $_.Id -notin $granted }) {
        $null = New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -PrincipalId $principal.Id -ResourceId $resource.Id -AppRoleId $role.Id
    }
}
Update-MgApplication -ApplicationId $app.Id -RequiredResourceAccess $access

# The certificate, beside those that are there: a list that is written replaces all, so the known ones are sent again.
$public = [System.Security.Cryptography.X509Certificates.X509Certificate2]::new((Resolve-Path $Certificate).Path)
# The thumbprint of a key comes as its twenty bytes, or as the forty letters of their hexadecimal form.
function Find-Key($Application) {
    $Application.KeyCredentials | Where-Object { $_ -and $_.CustomKeyIdentifier } | Where-Object {
        $public.Thumbprint -in [Convert]::ToHexString($_.CustomKeyIdentifier), [Convert]::ToBase64String($_.CustomKeyIdentifier)
    } | Select-Object -First 1
}
$app = Get-MgApplication -ApplicationId $app.Id
$known = Find-Key $app
if (-not $known) {
    $new = @{
        Type = 'AsymmetricX509Cert'; Usage = 'Verify'; Key = $public.RawData; DisplayName = 'galbridge'
        StartDateTime = $public.NotBefore.ToUniversalTime(); EndDateTime = $public.NotAfter.ToUniversalTime()
    }
    Update-MgApplication -ApplicationId $app.Id -KeyCredentials (@($app.KeyCredentials | Where-Object { $_ }) + $new)
    $app = Get-MgApplication -ApplicationId $app.Id
    $known = Find-Key $app
}

# The right to read, and to write mail contacts and nothing else.
if ($RecipientAdministrator -and -not $ReadOnlySide) {
    $definition = Get-MgRoleManagementDirectoryRoleDefinition -Filter "displayName eq 'Exchange Recipient Administrator'"
    $has = Get-MgRoleManagementDirectoryRoleAssignment -Filter "principalId eq '$($principal.Id)' and roleDefinitionId eq '$($definition.Id)'"
    if (-not $has) {
        $null = New-MgRoleManagementDirectoryRoleAssignment -PrincipalId $principal.Id -RoleDefinitionId $definition.Id -DirectoryScopeId '/'
    }
} else {
    Connect-ExchangeOnline -Organization $Tenant -ShowBanner:$false
    if (-not (Get-ServicePrincipal -Identity $app.AppId -ErrorAction SilentlyContinue)) {
        $null = New-ServicePrincipal -AppId $app.AppId -ObjectId $principal.Id -DisplayName $Name
    }
    $roles = if ($ReadOnlySide) { @('View-Only Recipients') } else { @('View-Only Recipients', 'galbridge contacts') }
    # A new organisation must be told once that it is changed at all; it may take some minutes to hear it: run this again with -AppId then.
    if ((Get-OrganizationConfig).IsDehydrated) { Enable-OrganizationCustomization }
    # A new role has all that its parent has, until it is cut down; whatever was interrupted is cut down the next time.
    function Set-Commands([string] $Role, [string] $Parent, [string[]] $Commands) {
        if (-not (Get-ManagementRole -Identity $Role -ErrorAction SilentlyContinue)) {
            $null = New-ManagementRole -Name $Role -Parent $Parent
        }
        $there = @(Get-ManagementRoleEntry "$Role\*" | ForEach-Object Name)
        foreach ($command in $there | Where-Object { $_ -notin $Commands }) { Remove-ManagementRoleEntry "$Role\$command" -Confirm:$false }
        # What its parent does not have, it cannot get.
        $possible = @(Get-ManagementRoleEntry "$Parent\*" | ForEach-Object Name)
        foreach ($command in $Commands | Where-Object { $_ -notin $there -and $_ -in $possible }) { Add-ManagementRoleEntry "$Role\$command" }
    }
    if (-not $ReadOnlySide) {
        # Cut out of Mail Recipient Creation and Mail Recipients: only what galbridge calls.
        $fields = @('Set-MailContact', 'Set-Contact', 'Get-MailContact', 'Get-Contact')
        if ($AdoptGuests) { $fields += 'Set-MailUser', 'Set-User' }
        Set-Commands 'galbridge contacts' 'Mail Recipient Creation' 'New-MailContact', 'Remove-MailContact', 'Get-MailContact', 'Get-Contact'
        Set-Commands 'galbridge contact fields' 'Mail Recipients' $fields
    }
    if (-not $ReadOnlySide) { $roles += 'galbridge contact fields' }
    $group = if ($ReadOnlySide) { 'galbridge readers' } else { 'galbridge' }
    if (-not (Get-RoleGroup -Identity $group -ErrorAction SilentlyContinue)) {
        $null = New-RoleGroup -Name $group -Roles $roles
    }
    $members = @(Get-RoleGroupMember -Identity $group | ForEach-Object { $_.Name; $_.ExternalDirectoryObjectId })
    if ($app.AppId -notin $members -and $principal.Id -notin $members) {
        Add-RoleGroupMember -Identity $group -Member $app.AppId
    }
}

# For the profile.
[pscustomobject]@{
    id            = (Get-MgContext).TenantId
    app_id        = $app.AppId
    app_object_id = $app.Id
    key_id        = if ($known) { $known.KeyId } else { 'not shown yet: look in the Entra admin center' }
    thumbprint    = $public.Thumbprint
}
